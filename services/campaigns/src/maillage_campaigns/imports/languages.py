"""Names of the languages met on the ground, in French, Dutch and English, as ISO 639 codes."""

import functools
import re
import unicodedata

_NAMES = {
    "ar": "arabe arabisch arabic darija ara",
    "bg": "bulgare bulgaars bulgarian bul",
    "ber": "berbere berbers berber tamazight rif rifain",
    "de": "allemand duits german deu ger",
    "el": "grec grieks greek ell",
    "en": "anglais engels english eng",
    "es": "espagnol spaans spanish spa",
    "fa": "persan farsi perzisch persian dari fas",
    "fr": "francais frans french fra fre",
    "it": "italien italiaans italian ita",
    "ln": "lingala lin",
    "nl": "neerlandais nederlands dutch flamand vlaams nld dut",
    "pl": "polonais pools polish pol",
    "ps": "pachto pachtou pasjtoe pashto pus",
    "pt": "portugais portugees portuguese bresilien por",
    "ro": "roumain roemeens romanian ron",
    "rom": "romani romanes",
    "ru": "russe russisch russian rus",
    "so": "somali somalisch som",
    "sq": "albanais albanees albanian sqi",
    "sw": "swahili kiswahili swa",
    "ti": "tigrinya tigrigna tir",
    "tr": "turc turks turkish tur",
    "uk": "ukrainien oekraiens ukrainian ukr",
    "ur": "ourdou urdu oerdoe urd",
    "zh": "chinois chinees chinese zho mandarin",
    "sgn": "langue-des-signes gebarentaal sign-language lsfb vgt",
    "hy": "armenien armeens armenian hye",
    "ku": "kurde koerdisch kurdish kur",
    "ff": "peul pular pulaar fula ful",
    "wo": "wolof wol",
    "am": "amharique amhaars amharic amh",
    "sr": "serbe servisch serbian srp",
}
_CODES = {code: code for code in _NAMES} | {
    name: code for code, names in _NAMES.items() for name in names.split()
}
_SEPARATORS = re.compile(r"[,;/|+&]|\s+(?:et|en|and)\s+")


@functools.lru_cache(maxsize=1024)
def parse_languages(cell: str) -> tuple[tuple[str, ...], int]:
    """Codes in the order given, each once, and how many words were not understood."""
    codes: list[str] = []
    unknown = 0
    for word in _SEPARATORS.split(cell.lower()):
        plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().strip(" .")
        if not plain and not word.strip():
            continue
        code = _CODES.get(plain.replace(" ", "-")) or _CODES.get(re.sub(r"[-_]be$", "", plain))
        if code is None:
            unknown += 1
        elif code not in codes:
            codes.append(code)
    return tuple(codes), unknown
