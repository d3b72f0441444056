"""Tokens of the demo personas, from the running stack."""

import json

import httpx

from maillage_local.data_folder import DataFolder, State
from maillage_local.demo.identities import BENEFICIARY, PERSONAS
from maillage_local.loopback import NO_AUTHORITIES


class NoToken(RuntimeError):
    """A token cannot be had; the message says what to do."""


def token_for(name: str, folder: DataFolder, state: State) -> str:
    """The access token of persona `name`, signed in the way it would itself."""
    with httpx.Client(timeout=10, trust_env=False, verify=NO_AUTHORITIES) as client:
        if name == BENEFICIARY:
            return _card_session(client, folder, state)
        return _sign_in(client, name, folder, state)


def _sign_in(client: httpx.Client, name: str, folder: DataFolder, state: State) -> str:
    persona = PERSONAS.get(name)
    if persona is None:
        raise NoToken(f"no persona {name!r}; there are: {', '.join([*PERSONAS, BENEFICIARY])}")
    accounts = folder.secrets().accounts
    if persona.is_machine:
        form = {"grant_type": "client_credentials", "client_id": persona.client_id}
        form["client_secret"] = accounts.client_secret
    else:
        form = {"grant_type": "password", "client_id": persona.client_id}
        form |= {"username": persona.name, "password": accounts.password}
    return _access_token(client.post(f"{state.identity_provider_url}/token", data=form))


def _card_session(client: httpx.Client, folder: DataFolder, state: State) -> str:
    try:
        card = json.loads(folder.demo_card.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise NoToken(
            "the beneficiary signs in with a card, and there is none yet: one is made with the"
            f' first anonymous subject; write {{"secret": "<qr_payload>"}} to {folder.demo_card}'
        ) from missing
    url = f"{state.gateway_url}/referrals/v1/card-sessions"
    return _access_token(client.post(url, json={"secret": card["secret"]}))


def _access_token(answer: httpx.Response) -> str:
    if not answer.is_success:
        raise NoToken(f"refused with {answer.status_code}: {answer.text}")
    return str(answer.json()["access_token"])
