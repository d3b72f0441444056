"""Calls a running stack with a client that was generated from its document.

    python generated_client_calls.py FOLDER URL TOKEN

FOLDER holds the generated package `maillage_generated`. It runs in the environment of the peers,
which has nothing of the project.
"""

import sys
from http import HTTPStatus

folder, url, token = sys.argv[1:]
sys.path.insert(0, folder)

from maillage_generated import AuthenticatedClient, Client  # type: ignore  # noqa: E402
from maillage_generated.api.directory_needs import (  # type: ignore  # noqa: E402
    directory_list_needs,
)
from maillage_generated.api.directory_search import (  # type: ignore  # noqa: E402
    directory_search_services,
)
from maillage_generated.api.referrals_referrals import (  # type: ignore  # noqa: E402
    referrals_read_referral,
)
from maillage_generated.models import (  # type: ignore  # noqa: E402
    DirectorySearchParams,
    GatewayProblem,
)

NOBODY = "0194a1b2-0000-7000-8000-000000000000"

with Client(base_url=url) as stranger:
    needs = directory_list_needs.sync_detailed(client=stranger)
    assert needs.status_code == HTTPStatus.OK, needs
    assert needs.parsed.items
    search = DirectorySearchParams(need=["administration"], spoken=["ar"])
    found = directory_search_services.sync_detailed(client=stranger, body=search)
    assert found.status_code == HTTPStatus.OK, found
    assert found.parsed.items[0].match.reasons
    refused = referrals_read_referral.sync_detailed(NOBODY, client=stranger)
    assert refused.status_code == HTTPStatus.UNAUTHORIZED, refused
    assert isinstance(refused.parsed, GatewayProblem), refused
    assert refused.parsed.code == "token_missing"

with AuthenticatedClient(base_url=url, token=token) as person:
    missing = referrals_read_referral.sync_detailed(NOBODY, client=person)
    assert missing.status_code == HTTPStatus.NOT_FOUND, missing

sys.stdout.write(f"{len(needs.parsed.items)} needs, {len(found.parsed.items)} services\n")
