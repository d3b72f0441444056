"""A tour of the directory, through the gateway: what is in it, in French and in Dutch.

Each stop reads as a person would, checks what must be true, and returns lines to read. The last
ones write: `upkeep`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from maillage_local.demo.narrator import Story, Told, check
from maillage_local.demo.organizations import MARKS
from maillage_local.demo.upkeep import UPKEEP, tell_twice

V1 = "/directory/v1"
PROGRAMS = ("RAQ", "CHW", "CPPS", "CeS")
LANGUAGES = ("fr", "nl")
_WIDEST = 44

# A search of each kind: what it is, in both languages, and what is asked.
SEARCHES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("mots français, une faute", "Franse woorden, een tikfout", {"q": "logemant"}),
    ("mots néerlandais", "Nederlandse woorden", {"q": "huisvesting"}),
    ("besoin et ce qui est dessous", "nood en wat eronder valt", {"need": ["housing"]}),
    ("territoire, puis autour", "gebied, dan eromheen", {"territory": ["21012"]}),
    (
        "tout près",
        "vlakbij",
        {"near": "50.8551,4.3410", "radius_m": 1500, "sort": "distance"},
    ),
    ("langue parlée", "gesproken taal", {"spoken": ["ar", "tr"]}),
    ("ouvert maintenant", "nu open", {"open_at": "now"}),
    (
        "sans papiers, sans mutuelle",
        "zonder papieren, zonder ziekenfonds",
        {"for_status": ["undocumented"], "for_insurance": ["no_insurance"]},
    ),
    ("pour une personne de 75 ans", "voor iemand van 75", {"for_age": 75}),
    ("à domicile", "aan huis", {"access": ["home_visit"]}),
    ("gratuit et certain", "gratis en zeker", {"cost": "free", "certain_only": True}),
    ("accessible en fauteuil", "rolstoeltoegankelijk", {"accessible": True}),
    ("a de la place", "heeft plaats", {"capacity": ["capacity"]}),
    ("d'un programme", "van een programma", {"program": ["RAQ"]}),
    ("services des mutualités", "diensten van ziekenfondsen", {"kind": ["mutuality_service"]}),
    (
        "tout ensemble",
        "alles samen",
        {
            "q": "administration",
            "need": ["administration"],
            "spoken": ["ar"],
            "near": "50.8551,4.3410",
            "radius_m": 3000,
            "open_at": "now",
            "for_status": ["undocumented"],
        },
    ),
)


def tour(story: Story) -> Iterator[Told]:
    """The stops, one after the other."""
    tell_twice(story)
    for stop in STOPS:
        yield stop(story)


def host_partners(story: Story) -> Told:
    zones: dict[str, list[str]] = defaultdict(list)
    for item in _items(story, "programs/RAQ/coverage"):
        if item["role"] == "host_partner" and not _is_demo(item["organization_label"]):
            zones[item["organization_label"]].append(item["territory_code"].removeprefix("raq-"))
    check(len(zones) == 19, f"there are 19 host partners, not {len(zones)}")
    rows = [(name, ", ".join(sorted(covered))) for name, covered in sorted(zones.items())]
    return Told(
        "The 19 host partners / de 19 gastpartners", _table(rows, "partenaire", "RAQ", widest=120)
    )


def programs(story: Story) -> Told:
    labels = {
        language: {item["code"]: item["label"] for item in _items(story, "programs", language)}
        for language in LANGUAGES
    }
    rows = []
    for code in PROGRAMS:
        covered = _items(story, f"programs/{code}/coverage")
        check(covered, f"{code} covers some territory")
        organizations = {item["organization_id"] for item in covered}
        territories = sorted({item["territory_code"] for item in covered})
        shown = ", ".join(territories[:6]) + (" …" if len(territories) > 6 else "")
        rows.append(
            (
                code,
                labels["fr"][code],
                labels["nl"][code],
                f"{len(organizations)}",
                f"{len(territories)}: {shown}",
            )
        )
    heads = ("code", "programme", "programma", "org.", "territoires / gebieden")
    return Told("The four programs and what they cover", _table(rows, *heads))


def basins(story: Story) -> Told:
    dutch = {item["code"]: item["label"] for item in _items(story, "territories", "nl")}
    communes = _items(story, "territories?kind=commune")
    check(len(communes) == 19, "there are nineteen communes")
    held: dict[str, list[str]] = defaultdict(list)
    for commune in communes:
        name = _both(commune["label"], dutch[commune["code"]])
        whole = story.call(None, "GET", f"{V1}/territories/{commune['code']}").json()
        for above in whole["within"]:
            if above["kind"] == "basin":
                held[above["code"]].append(name if above["is_certain"] else f"{name} (?)")
    rows = [
        (_both(basin["label"], dutch[basin["code"]]), ", ".join(held[basin["code"]]))
        for basin in _items(story, "territories?kind=basin")
    ]
    check(len(rows) == 5 and all(names for _, names in rows), "five basins hold the communes")
    asked = story.call(None, "GET", f"{V1}/territories/resolve?postcode=1000").json()
    check(asked["ambiguous"], "the postcode 1000 lies in several basins, and that is told")
    unsure = ", ".join(item["label"] for item in asked["items"] if item["kind"] == "basin")
    lines = _table(
        rows, "bassin / zorgzone", "communes / gemeenten (?: incertain / onzeker)", widest=400
    )
    return Told("Basins and communes", [*lines, f"1000: ambigu / dubbelzinnig → {unsure}"])


def gaps(story: Story) -> Told:
    names = {item["code"]: item["label"] for item in _items(story, "territories", "nl")}
    lines = []
    for level in ("basin", "commune"):
        totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for item in _items(story, f"observations/counts?level={level}"):
            told = totals[names.get(item["territory"], "incertain / onzeker")]
            told[item["kind"]] += item["happened"]
            for state in ("noted", "sent", "answered"):
                told[state] += item[state]
        check(totals, "workers saw gaps and obstacles")
        rows = [
            (name, *(str(told[key]) for key in ("gap", "obstacle", "noted", "sent", "answered")))
            for name, told in sorted(
                totals.items(), key=lambda entry: -(entry[1]["gap"] + entry[1]["obstacle"])
            )
        ]
        heads = ("territoire", "manques", "obstacles", "notés", "envoyés", "répondus")
        lines += [*_table(rows, *heads), ""]
    return Told("Gaps and obstacles by territory / tekorten en hindernissen", lines[:-1])


def searches(story: Story) -> Told:
    lines = []
    for french, dutch, wanted in SEARCHES:
        lines.append(f"{french} / {dutch}")
        for language in LANGUAGES:
            page = story.call(
                "partner-app",
                "POST",
                f"{V1}/services/search",
                json={**wanted, "limit": 100},
                headers={"Accept-Language": language},
            ).json()
            found = page["items"]
            check(found or wanted.get("open_at"), f"something is found: {french}")
            count = f"{len(found)}{'+' if page['next_cursor'] else ''}"
            first = found[0] if found else None
            reasons = ", ".join(first["match"]["reasons"][:3]) if first else ""
            label = _clip(first["label"]) if first else "—"
            lines.append(f"  {language} {count:>4}  {label}  [{reasons}]")
    return Told("A search of each kind, in French and in Dutch", lines)


def around(story: Story) -> Told:
    """The agenda, who is on duty, what is gathered."""
    lines = []
    for language in LANGUAGES:
        held = _items(story, "events?limit=6", language)
        check(held, "something is held this month")
        rows = [
            (
                item["starts_at"][:16].replace("T", " "),
                item["event"]["label"],
                item["event"]["territory"],
            )
            for item in held
        ]
        lines += [*_table(rows, f"agenda ({language})", "", ""), ""]
    rotas = [item for item in _items(story, "rotas", "nl") if item["turns"]]
    check(rotas, "a rota has turns")
    for rota in rotas:
        now = ", ".join(one["service_label"] for one in rota["on_duty"])
        lines.append(f"{rota['label']}: {now or 'personne en ce moment / niemand nu'}")
        lines += [
            f"  {turn['byday']} {turn['opens_at']}–{turn['closes_at']}  {turn['service_label']}"
            for turn in rota["turns"]
        ]
    for noun in ("diagnostics", "collections"):
        for french, dutch in zip(
            *(_items(story, noun, language) for language in LANGUAGES), strict=True
        ):
            lines.append(f"{noun}: {_both(french['label'], dutch['label'])}")
    calendar = story.call(None, "GET", f"{V1}/events.ics").text
    check(calendar.startswith("BEGIN:VCALENDAR"), "the agenda is a calendar to subscribe to")
    for language in LANGUAGES:
        sheet = story.call(
            None,
            "GET",
            f"{V1}/territories/21012/offline",
            headers={"Accept-Language": language},
        ).text
        check(f'lang="{language}"' in sheet, "the offline sheet speaks the reader's language")
        lines.append(f"21012 offline ({language}): {sheet.count('<article>')} services")
    return Told("What lives around services", lines)


STOPS: tuple[Callable[[Story], Told], ...] = (
    host_partners,
    programs,
    basins,
    gaps,
    searches,
    around,
    *UPKEEP,
)


def _items(story: Story, path: str, language: str = "fr") -> list[dict[str, Any]]:
    answer = story.call(None, "GET", f"{V1}/{path}", headers={"Accept-Language": language})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _is_demo(label: str) -> bool:
    return label.endswith(tuple(MARKS.values()))


def _both(french: str, dutch: str) -> str:
    return french if french == dutch else f"{french} / {dutch}"


def _clip(text: str, widest: int = _WIDEST) -> str:
    return text if len(text) <= widest else text[: widest - 1] + "…"


def _table(rows: Sequence[Sequence[str]], *heads: str, widest: int = _WIDEST) -> list[str]:
    """Columns of equal width, for eyes."""
    cells = [[_clip(str(cell), widest) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]
