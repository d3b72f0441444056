"""The demo's beneficiary: an anonymous person with a card and one entry."""

import json

import httpx

from maillage_common import clock
from maillage_local.data_folder import DataFolder, State
from maillage_local.demo.identities import demo_organization
from maillage_local.loopback import NO_AUTHORITIES
from maillage_local.postgres import write_private
from maillage_local.sign_in import token_for

WORKER = "raq-worker"


def ensure_demo_card(folder: DataFolder, state: State) -> None:
    """Write `demo-card.json` (`secret`, `code`), which `maillage token beneficiary` signs in with.

    A RAQ worker gives the card and notes one démarche, with the person's word.
    """
    if folder.demo_card.exists():
        return
    headers = {"Authorization": f"Bearer {token_for(WORKER, folder, state)}"}
    url = f"{state.gateway_url}/referrals/v1"
    with httpx.Client(
        base_url=url, headers=headers, timeout=10, trust_env=False, verify=NO_AUTHORITIES
    ) as client:
        made = client.post("/subjects", json={}).raise_for_status().json()
        consent = {
            "handle": made["handle"],
            "grantee": {
                "kind": "organization",
                "organization": str(demo_organization("host-partner")),
            },
            "categories": ["ordinary"],
            "purposes": ["social_support"],
            "text": {"language": "fr", "version": "2026-1"},
            "proof": {"method": "oral"},
        }
        client.post("/consents", json=consent).raise_for_status()
        pointer = {
            "handle": made["handle"],
            "category": "housing",
            "kind": "demarche",
            "status": "under_way",
            "from_on": clock.now().date().isoformat(),
            "locator": {"system": "demo-dossiers", "reference": "D-1"},
        }
        client.post("/pointers", json=pointer).raise_for_status()
    card = {"secret": made["card"]["qr_payload"], "code": made["card"]["code"]}
    write_private(folder.demo_card, json.dumps(card))
