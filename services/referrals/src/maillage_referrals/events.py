"""Log events of this service, and the names of its audit events in plain words."""

from enum import StrEnum
from logging import INFO, WARNING

from maillage_common.events import LogEvent


class Event(LogEvent):
    CONSENTS_EXPIRED = ("REF101", INFO, "consents expired")
    CARE_LINKS_EXPIRED = ("REF102", INFO, "care links expired")
    REFERRALS_EXPIRED = ("REF103", INFO, "referrals expired")
    POINTER_NEEDS_UNKNOWN = ("REF104", WARNING, "directory down: pointer closed as sensitive")
    POINTER_SERVICE_GONE = (
        "REF105",
        WARNING,
        "the directory has no such service: pointer stays closed",
    )


class Trail(StrEnum):
    """Audit events. `words` says each to the person."""

    SUBJECT_MADE = "subject_made"
    HANDLE_RESOLVED = "handle_resolved"
    CARD_MADE = "card_made"
    CARD_REVOKED = "card_revoked"
    CARD_SESSION_OPENED = "card_session_opened"
    CODE_MADE = "one_time_code_made"
    PROOF_REFUSED = "proof_refused"
    CONSENT_PROPOSED = "consent_proposed"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_REPLACED = "consent_replaced"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_READ = "consent_read"
    EXCLUSION_MADE = "exclusion_made"
    EXCLUSION_LIFTED = "exclusion_lifted"
    CARE_LINK_MADE = "care_link_made"
    CARE_LINK_ENDED = "care_link_ended"
    POINTER_WRITTEN = "pointer_written"
    POINTER_READ = "pointer_read"
    POINTERS_SEARCHED = "pointers_searched"
    POINTER_SUPERSEDED = "pointer_superseded"
    POINTER_IN_ERROR = "pointer_entered_in_error"
    REFERRAL_MADE = "referral_made"
    REFERRAL_READ = "referral_read"
    REFERRAL_MOVED = "referral_moved"
    REFERRAL_ANSWERED = "referral_answered"
    REFERRALS_LISTED = "referrals_listed"
    HAND_OVER_READ = "hand_over_read"
    ACCESS_LOG_READ = "access_log_read"
    RECORD_EXPORTED = "record_exported"
    SUBJECT_SOUGHT = "subject_sought"


LANGUAGES = ("fr", "nl", "en")
_WORDS: dict[Trail, tuple[str, str, str]] = {
    Trail.SUBJECT_MADE: (
        "a ouvert votre dossier anonyme",
        "opende uw anonieme dossier",
        "opened your anonymous record",
    ),
    Trail.HANDLE_RESOLVED: (
        "a lu votre carte ou son code",
        "las uw kaart of de code",
        "read your card or its code",
    ),
    Trail.CARD_MADE: ("a établi une carte", "maakte een kaart", "made a card"),
    Trail.CARD_REVOKED: ("a révoqué une carte", "trok een kaart in", "revoked a card"),
    Trail.CARD_SESSION_OPENED: (
        "a ouvert une session avec votre carte",
        "opende een sessie met uw kaart",
        "opened a session with your card",
    ),
    Trail.CODE_MADE: (
        "a créé un code à usage unique",
        "maakte een eenmalige code",
        "made a one-time code",
    ),
    Trail.PROOF_REFUSED: (
        "a montré une preuve refusée",
        "toonde een geweigerd bewijs",
        "showed a proof that was refused",
    ),
    Trail.CONSENT_PROPOSED: (
        "a proposé un accord",
        "stelde een toestemming voor",
        "proposed a consent",
    ),
    Trail.CONSENT_GIVEN: (
        "a enregistré votre accord",
        "registreerde uw toestemming",
        "recorded your consent",
    ),
    Trail.CONSENT_WITHDRAWN: (
        "a enregistré le retrait d'un accord",
        "registreerde de intrekking van een toestemming",
        "recorded the withdrawal of a consent",
    ),
    Trail.CONSENT_REPLACED: (
        "a remplacé un accord",
        "verving een toestemming",
        "replaced a consent",
    ),
    Trail.CONSENT_EXPIRED: (
        "un accord a pris fin à sa date",
        "een toestemming liep af",
        "a consent ended on its date",
    ),
    Trail.CONSENT_READ: ("a lu un accord", "las een toestemming", "read a consent"),
    Trail.EXCLUSION_MADE: ("a exclu quelqu'un", "sloot iemand uit", "kept someone out"),
    Trail.EXCLUSION_LIFTED: (
        "a levé une exclusion",
        "hief een uitsluiting op",
        "let someone in again",
    ),
    Trail.CARE_LINK_MADE: (
        "a enregistré un lien de suivi",
        "registreerde een zorgrelatie",
        "recorded a care link",
    ),
    Trail.CARE_LINK_ENDED: (
        "a mis fin à un lien de suivi",
        "beëindigde een zorgrelatie",
        "ended a care link",
    ),
    Trail.POINTER_WRITTEN: ("a ajouté un élément", "voegde een gegeven toe", "added an entry"),
    Trail.POINTER_READ: ("a demandé un élément", "vroeg een gegeven op", "asked for an entry"),
    Trail.POINTERS_SEARCHED: (
        "a cherché vos éléments",
        "zocht uw gegevens",
        "searched your entries",
    ),
    Trail.POINTER_SUPERSEDED: ("a remplacé un élément", "verving een gegeven", "replaced an entry"),
    Trail.POINTER_IN_ERROR: (
        "a retiré un élément erroné",
        "trok een foutief gegeven in",
        "took back a wrong entry",
    ),
    Trail.REFERRAL_MADE: ("a fait une orientation", "maakte een doorverwijzing", "made a referral"),
    Trail.REFERRAL_READ: (
        "a demandé une orientation",
        "vroeg een doorverwijzing op",
        "asked for a referral",
    ),
    Trail.REFERRAL_MOVED: (
        "a fait avancer une orientation",
        "bracht een doorverwijzing verder",
        "moved a referral on",
    ),
    Trail.REFERRAL_ANSWERED: ("a noté votre réponse", "noteerde uw antwoord", "noted your answer"),
    Trail.REFERRALS_LISTED: (
        "a vu une orientation dans sa liste",
        "zag een doorverwijzing in de lijst",
        "saw a referral in a list",
    ),
    Trail.HAND_OVER_READ: (
        "a lu comment vous reconnaître",
        "las hoe u te herkennen",
        "read how to recognise you",
    ),
    Trail.ACCESS_LOG_READ: ("a lu ce journal", "las dit logboek", "read this log"),
    Trail.RECORD_EXPORTED: (
        "a exporté le dossier",
        "exporteerde het dossier",
        "exported the record",
    ),
    Trail.SUBJECT_SOUGHT: (
        "a voulu écrire à votre sujet",
        "wilde over u schrijven",
        "wanted to write about you",
    ),
}


def words(event: str, language: str) -> str:
    """The event in plain words (`language` fr, nl or en); a foreign event is its own code."""
    try:
        return _WORDS[Trail(event)][LANGUAGES.index(language)]
    except ValueError:
        return event
