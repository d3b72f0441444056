"""What jobs do later: place orientations, post obstacles, copy needs, erase files."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from services.campaigns.tests.lists import person_row
from services.campaigns.tests.office import API, ORGANIZATION, ORIENTATION, Office
from sqlmodel import select

from maillage_campaigns import jobs
from maillage_campaigns.keys import TenantKeys
from maillage_campaigns.models import ImportChunk, ListImport, Observation
from maillage_campaigns.orientations.observing import post_to_directory
from maillage_campaigns.orientations.service import retry_orientation
from maillage_common.clock import frozen_time
from maillage_common.peers import PeerUnavailable
from maillage_local.neighbours import neighbour_answering


async def test_a_pending_orientation_is_placed_without_the_person(office: Office, app: Any) -> None:
    office.referrals.is_down = True
    lease = await office.lease(await office.calling(1))
    answer = await office.attempt(lease, "complete", orientation=ORIENTATION)
    orientation = UUID(answer.json()["orientation"]["id"])
    keys = TenantKeys(app.state.settings.secret, "mc")
    retry = (app.state.database, office.referrals, keys, orientation)
    with pytest.raises(PeerUnavailable):
        await retry_orientation(*retry)
    office.referrals.is_down = False
    await retry_orientation(*retry)
    asked = len(office.referrals.asked)
    await retry_orientation(*retry)
    assert len(office.referrals.asked) == asked
    wanted, token = office.referrals.asked[-1]
    assert token is None
    assert wanted.organization == UUID(ORGANIZATION)
    shown = await office.client.get(f"{API}/callbacks", headers=office.counsellor())
    [found] = shown.json()["items"][0]["orientations"]
    assert (found["state"], found["card_code"]) == ("placed", "123/4567/89012")


async def test_an_obstacle_is_posted_once(office: Office, app: Any) -> None:
    lease = await office.lease(await office.calling(1))
    await office.attempt(lease, "complete", obstacles=[{"code": "cost", "need": "dental"}])
    async with app.state.database.read() as session:
        observation = (await session.exec(select(Observation))).one()
    for _ in range(2):
        await post_to_directory(app.state.database, office.directory, observation.id)
    assert office.directory.noted == [
        {
            "reference": observation.id,
            "obstacle": "cost",
            "need": "dental",
            "territory": "21012",
            "observed_on": observation.observed_on,
        }
    ]


async def test_files_are_erased_after_thirty_days(
    office: Office, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.approved(await office.campaign(), [person_row(1)])
    monkeypatch.setattr(jobs.queue, "database", app.state.database, raising=False)
    monkeypatch.setattr(jobs.queue, "settings", app.state.settings, raising=False)

    async def chunks() -> int:
        async with app.state.database.write(system="retention", tenant="mc") as session:
            return len((await session.exec(select(ImportChunk))).all())

    await jobs.erase_old_files()
    assert await chunks() == 1
    with frozen_time(datetime.now(UTC) + timedelta(days=31)):
        await jobs.erase_old_files()
    assert await chunks() == 0
    async with app.state.database.write(system="retention", tenant="mc") as session:
        held = (await session.exec(select(ListImport))).one()
    assert held.file_erased_at is not None
    assert held.file_name is None


async def test_needs_are_copied_and_the_directorys_absence_is_survived(
    office: Office, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.queue, "database", app.state.database, raising=False)
    monkeypatch.setattr(jobs.queue, "settings", app.state.settings, raising=False)
    # Nobody listens where the tests' directory would be.
    await jobs.copy_needs()
    need = {"code": "gardening", "name": {"fr": "Jardinage"}}
    async with neighbour_answering({"items": [need]}) as address:
        reached = app.state.settings.model_copy(update={"directory_url": address})
        monkeypatch.setattr(jobs.queue, "settings", reached)
        await jobs.copy_needs()
    office.directory.needs.clear()
    lease = await office.lease(await office.calling(1))
    assert (await office.attempt(lease, needs=["gardening"])).status_code == 201
