"""The 19 communes of the Brussels-Capital Region: NIS code, names, and the postcodes they own.

Source: the statistical office's list of communes (NIS codes) and bpost's postcodes. 1040 and 1050
also hold a small part of the City of Brussels; a list that needs the difference gives the commune.
"""

import re
import unicodedata

_COMMUNES = {
    "21001": ("Anderlecht", "1070"),
    "21002": ("Auderghem|Oudergem", "1160"),
    "21003": ("Berchem-Sainte-Agathe|Sint-Agatha-Berchem", "1082"),
    "21004": ("Bruxelles|Brussel|Brussels|Bruxelles-Ville|Stad Brussel", "1000 1020 1120 1130"),
    "21005": ("Etterbeek", "1040"),
    "21006": ("Evere", "1140"),
    "21007": ("Forest|Vorst", "1190"),
    "21008": ("Ganshoren", "1083"),
    "21009": ("Ixelles|Elsene", "1050"),
    "21010": ("Jette", "1090"),
    "21011": ("Koekelberg", "1081"),
    "21012": ("Molenbeek-Saint-Jean|Sint-Jans-Molenbeek|Molenbeek", "1080"),
    "21013": ("Saint-Gilles|Sint-Gillis", "1060"),
    "21014": ("Saint-Josse-ten-Noode|Sint-Joost-ten-Node|Saint-Josse", "1210"),
    "21015": ("Schaerbeek|Schaarbeek", "1030"),
    "21016": ("Uccle|Ukkel", "1180"),
    "21017": ("Watermael-Boitsfort|Watermaal-Bosvoorde", "1170"),
    "21018": ("Woluwe-Saint-Lambert|Sint-Lambrechts-Woluwe", "1200"),
    "21019": ("Woluwe-Saint-Pierre|Sint-Pieters-Woluwe", "1150"),
}


def _plain(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z]+", ascii_name.replace("st-", "saint-")))


_BY_POSTCODE = {code: nis for nis, (_, codes) in _COMMUNES.items() for code in codes.split()}
_BY_NAME = {_plain(name): nis for nis, (names, _) in _COMMUNES.items() for name in names.split("|")}
CODES = frozenset(_COMMUNES)


def commune_of_postcode(postcode: str) -> str | None:
    """NIS code, or None outside the region."""
    return _BY_POSTCODE.get(postcode)


def commune_of_name(cell: str) -> str | None:
    """NIS code of a NIS code or a French or Dutch name."""
    cell = cell.strip()
    return cell if cell in CODES else _BY_NAME.get(_plain(cell))
