"""What several tests send: bodies that are taken as they are."""

from typing import Any

from maillage_local.demo.identities import demo_service

REFERRAL: dict[str, Any] = {
    "subject": {"anonymous": True},
    "service_id": str(demo_service("target")),
    "needs": ["administration"],
    "purpose": "social_support",
    "consent": {
        "method": "oral",
        "categories": ["residence_status"],
        "text": {"language": "fr", "version": "2026-1"},
    },
    "hand_over": {"kind": "card_code"},
}
CAMPAIGN: dict[str, Any] = {
    "title": {"fr": "Essais", "nl": "Proeven"},
    "theme": "prevention-vaccination",
    "opening": {"fr": "Bonjour.", "nl": "Dag."},
    "starts_on": "2026-01-01",
    "ends_on": "2099-12-31",
}
