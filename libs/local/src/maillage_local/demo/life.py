"""Demo records around services: the agenda, a rota, diagnoses, collections. All fictitious."""

from datetime import date, datetime, timedelta
from typing import Any

from maillage_local.demo.identifiers import demo_id
from maillage_local.demo.organizations import marked
from maillage_local.demo.records import LifeRecord, Texts
from maillage_local.demo.tables import load_rows


def life(*, as_of: datetime) -> list[LifeRecord]:
    """What the organizations of the demo hold, share and know; dates count from `as_of`."""
    today = as_of.date()
    return [*_events(today), _rota(today), *_diagnostics(today), *_collections()]


def _told(kind: str, key: str, organization: str) -> dict[str, Any]:
    return {
        "type": kind,
        "id": demo_id(f"demo-{kind}:{key}"),
        "source": "demo",
        "organization": demo_id(f"demo-org:{organization}"),
    }


def _events(today: date) -> list[LifeRecord]:
    """The rows of `agenda.csv`: `byday` for what comes back, `in_days` for what is held once."""
    made: list[LifeRecord] = []
    for row in load_rows("agenda.csv"):
        record: LifeRecord = {
            **_told("event", row["key"], row["organization"]),
            "kind": row["kind"],
            "audience": row["audience"],
            "name": marked(_texts(row, "name")),
            "description": _texts(row, "description"),
            "needs": row["needs"].split(),
            "languages": row["languages"].split(),
            "territory": row["territory"],
            "visibility": row["visibility"],
        }
        if row["program"]:
            record["program"] = row["program"]
        if row["postcode"]:
            record["place"] = {"postcode": row["postcode"], "name": _texts(row, "place")}
        if row["byday"]:
            record["schedule"] = {
                "freq": "MONTHLY" if row["byday"][0].isdigit() else "WEEKLY",
                "byday": row["byday"],
                "opens_at": row["opens_at"],
                "closes_at": row["closes_at"],
                "valid_from": f"{today.year - 1}-01-01",
            }
        else:
            day = today + timedelta(days=int(row["in_days"]))
            # +01:00 all year: an hour's difference in summer is none to a fictitious workshop.
            record["starts_at"] = f"{day.isoformat()}T{row['opens_at']}:00+01:00"
            record["ends_at"] = f"{day.isoformat()}T{row['closes_at']}:00+01:00"
        made.append(record)
    return made


def _texts(row: dict[str, str], name: str) -> Texts:
    return {language: row[f"{name}_{language}"] for language in ("fr", "nl")}


def _rota(today: date) -> LifeRecord:
    """Three services take turns, night by night, over three weeks: someone is always on duty."""
    on_duty = ("maison-medicale", "casg", "mental-health")
    first = f"{today.year - 1}-01-06"
    return {
        **_told("rota", "nights", "basin-nord"),
        "name": marked({"fr": "Garde sociale de nuit", "nl": "Sociale nachtwacht"}),
        "description": {
            "fr": "Une équipe par nuit, aussi les jours fériés.",
            "nl": "Elke nacht een team, ook op feestdagen.",
        },
        "turns": [
            {
                "service": _service(key),
                "byday": byday,
                "dtstart": first,
                "opens_at": "20:00",
                "closes_at": "08:00",
            }
            for key, byday in zip(on_duty, ("MO,TU,WE", "TH,FR", "SA,SU"), strict=True)
        ],
    }


def _diagnostics(today: date) -> list[LifeRecord]:
    return [
        {
            **_told("diagnostic", row["key"], row["organization"]),
            "title": marked(_texts(row, "title")),
            "summary": _texts(row, "summary"),
            "territory": row["territory"],
            "themes": row["themes"].split(),
            "published_on": (today - timedelta(days=int(row["days_ago"]))).isoformat(),
            "author": row["author"],
            "url": f"https://example.org/maillage-demo/{row['key']}",
            "visibility": row["visibility"],
        }
        for row in load_rows("diagnostics.csv")
    ]


def _collections() -> list[LifeRecord]:
    """What a worker puts in someone's hand, and what a team keeps among professionals."""
    return [
        {
            **_told("collection", "first-night", "host-partner"),
            "title": marked({"fr": "Pour une première nuit", "nl": "Voor een eerste nacht"}),
            "description": {
                "fr": "À donner en maraude, ou à lire ensemble.",
                "nl": "Om mee te geven op straat, of samen te lezen.",
            },
            "items": [
                _item("target", "Demandez l'accueil social.", "Vraag naar het sociaal onthaal."),
                _item("maison-medicale", "Sans mutuelle aussi.", "Ook zonder ziekenfonds."),
            ],
            "visibility": "public",
        },
        {
            **_told("collection", "stuck", "basin-nord"),
            "title": marked({"fr": "Quand on est bloqué", "nl": "Als het vastloopt"}),
            "items": [
                _item("mental-health", "Intervision le mardi.", "Intervisie op dinsdag."),
                _item("casg", "Appeler avant midi.", "Bellen voor de middag."),
                _item("target", "Passage accompagné possible.", "Samen langsgaan kan."),
            ],
            "visibility": "professional",
        },
    ]


def _item(key: str, fr: str, nl: str) -> dict[str, Any]:
    return {"service": _service(key), "note": {"fr": fr, "nl": nl}}


def _service(organization: str) -> str:
    """The first service of a fixed organization."""
    if organization == "target":
        return demo_id("demo-service:target")
    return demo_id(f"demo-service:{demo_id(f'demo-org:{organization}')}-0")
