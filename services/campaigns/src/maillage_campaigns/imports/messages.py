"""What each code says, in French, Dutch and English; Frictionless names where they fit."""

from collections.abc import Mapping

from maillage_campaigns.models import Severity

_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO

CATALOGUE: dict[str, tuple[Severity, str, str, str]] = {
    "missing-cell": (
        _E,
        "Cette cellule ne peut pas rester vide.",
        "Deze cel mag niet leeg blijven.",
        "This cell must not be empty.",
    ),
    "missing-identifier": (
        _E,
        "Il faut un numéro national ou un identifiant.",
        "Er is een rijksregisternummer of een identificatie nodig.",
        "A national number or an external id is needed.",
    ),
    "missing-phone": (
        _E,
        "Il faut au moins un numéro de téléphone valable.",
        "Er is minstens één geldig telefoonnummer nodig.",
        "At least one valid phone number is needed.",
    ),
    "invalid-phone": (
        _W,
        "Ce numéro de téléphone n'existe pas sous cette forme ; il est laissé de côté.",
        "Dit telefoonnummer bestaat niet in deze vorm; het wordt overgeslagen.",
        "This is not a valid phone number; it is left out.",
    ),
    "invalid-national-number": (
        _E,
        "Ce numéro national n'est pas valable (chiffres de contrôle ou date).",
        "Dit rijksregisternummer is niet geldig (controlegetal of datum).",
        "This national number is not valid (check digits or date).",
    ),
    "excel-mangled": (
        _E,
        "Le tableur a abîmé ce nombre (1,2E+10) : mettez la colonne en texte et recommencez.",
        "Het rekenblad heeft dit getal vervormd (1,2E+10): zet de kolom op tekst en begin opnieuw.",
        "The spreadsheet mangled this number (1.2E+10): set the column to text and push again.",
    ),
    "leading-zero-restored": (
        _W,
        "Le zéro initial perdu a été remis.",
        "De verloren voorloopnul is teruggezet.",
        "The lost leading zero was put back.",
    ),
    "invalid-date": (
        _W,
        "Date illisible : écrivez JJ/MM/AAAA ; elle est laissée de côté.",
        "Onleesbare datum: schrijf DD/MM/JJJJ; ze wordt overgeslagen.",
        "Unreadable date: write DD/MM/YYYY; it is left out.",
    ),
    "invalid-postcode": (
        _W,
        "Code postal illisible ; il est laissé de côté.",
        "Onleesbare postcode; ze wordt overgeslagen.",
        "Unreadable postcode; it is left out.",
    ),
    "unknown-commune": (
        _W,
        "Commune inconnue ; elle est laissée de côté.",
        "Onbekende gemeente; ze wordt overgeslagen.",
        "Unknown commune; it is left out.",
    ),
    "outside-region": (
        _I,
        "Ce code postal est hors de la Région bruxelloise.",
        "Deze postcode ligt buiten het Brussels Gewest.",
        "This postcode is outside the Brussels Region.",
    ),
    "unknown-language": (
        _W,
        "Langue inconnue ; elle est laissée de côté.",
        "Onbekende taal; ze wordt overgeslagen.",
        "Unknown language; it is left out.",
    ),
    "type-error": (
        _W,
        "Cette valeur n'est pas du bon type ; elle est laissée de côté.",
        "Deze waarde is niet van het juiste type; ze wordt overgeslagen.",
        "This value is not of the right type; it is left out.",
    ),
    "constraint-error": (
        _W,
        "Cette valeur sort de ce qui est permis ; elle est laissée de côté.",
        "Deze waarde valt buiten wat toegelaten is; ze wordt overgeslagen.",
        "This value is outside what is allowed; it is left out.",
    ),
    "encoding-error": (
        _E,
        "Cette cellule contient des caractères de contrôle : vérifiez l'encodage.",
        "Deze cel bevat stuurtekens: controleer de codering.",
        "This cell holds control characters: check the encoding.",
    ),
    "extra-cell": (
        _E,
        "Cette ligne a plus de cellules que l'en-tête.",
        "Deze rij heeft meer cellen dan de kop.",
        "This row has more cells than the header.",
    ),
    "extra-label": (
        _I,
        "Cette colonne n'est pas connue ; elle est ignorée.",
        "Deze kolom is niet bekend; ze wordt genegeerd.",
        "This column is not known; it is ignored.",
    ),
    "duplicate-label": (
        _W,
        "Cette colonne existe déjà ; seule la première compte.",
        "Deze kolom bestaat al; alleen de eerste telt.",
        "This column is there already; only the first counts.",
    ),
    "duplicate-row": (
        _W,
        "Cette personne est déjà à la ligne {first_row} ; cette ligne est laissée de côté.",
        "Deze persoon staat al op rij {first_row}; deze rij wordt overgeslagen.",
        "This person is on row {first_row} already; this row is left out.",
    ),
    "duplicate-phone": (
        _W,
        "Ce numéro de téléphone est déjà à la ligne {first_row} ; cette ligne est laissée de côté.",
        "Dit telefoonnummer staat al op rij {first_row}; deze rij wordt overgeslagen.",
        "This phone number is on row {first_row} already; this row is left out.",
    ),
    "duplicate-phone-in-campaign": (
        _W,
        "Une autre personne de cette campagne a ce numéro ; cette ligne est laissée de côté.",
        "Een andere persoon in deze campagne heeft dit nummer; deze rij wordt overgeslagen.",
        "Another person in this campaign has this number; this row is left out.",
    ),
    "objection": (
        _I,
        "Cette personne s'est opposée aux appels ; elle ne sera pas appelée.",
        "Deze persoon heeft bezwaar gemaakt tegen oproepen en wordt niet gebeld.",
        "This person objected to calls and will not be called.",
    ),
    "do-not-call": (
        _I,
        "La liste demande de ne pas appeler ; l'opposition sera enregistrée.",
        "De lijst vraagt om niet te bellen; het bezwaar wordt geregistreerd.",
        "The list asks not to call; the objection will be recorded.",
    ),
}


def severity_of(code: str) -> Severity:
    return CATALOGUE[code][0]


def messages_of(code: str, facts: Mapping[str, object]) -> dict[str, str]:
    """The message in each language; `facts` are row numbers, never a cell."""
    _, french, dutch, english = CATALOGUE[code]
    texts = {"fr": french, "nl": dutch, "en": english}
    return {language: text.format(**facts) for language, text in texts.items()}
