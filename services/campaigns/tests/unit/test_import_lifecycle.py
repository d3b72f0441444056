import pytest
from hypothesis import given
from hypothesis import strategies as st

from maillage_campaigns.imports.lifecycle import (
    MOVES,
    ImpossibleMove,
    move,
    needs_confirmation,
    seconds_left,
)
from maillage_campaigns.models import ImportStage

ENDS = {ImportStage.DONE, ImportStage.CANCELLED, ImportStage.FAILED}


def test_every_stage_has_its_moves_and_the_ends_have_none() -> None:
    assert set(MOVES) == set(ImportStage)
    assert {stage for stage, moves in MOVES.items() if not moves} == ENDS


def test_only_an_approved_list_is_merged() -> None:
    assert {stage for stage, moves in MOVES.items() if ImportStage.MERGING in moves} == {
        ImportStage.AWAITING_APPROVAL
    }


@given(st.lists(st.sampled_from(ImportStage), max_size=12))
def test_no_walk_leaves_an_end(walk: list[ImportStage]) -> None:
    stage = ImportStage.RECEIVED
    for wanted in walk:
        try:
            stage = move(stage, wanted)
        except ImpossibleMove:
            assert wanted not in MOVES[stage]
        if stage in ENDS:
            with pytest.raises(ImpossibleMove):
                move(stage, ImportStage.PARSING)


def test_confirmation_is_asked_above_the_threshold_only() -> None:
    assert not needs_confirmation(rows_bad=20, rows_total=100, percent=20)
    assert needs_confirmation(rows_bad=21, rows_total=100, percent=20)
    assert not needs_confirmation(rows_bad=0, rows_total=0, percent=0)


def test_remaining_time_is_unknown_before_anything_is_known() -> None:
    assert seconds_left(elapsed=10, done=0, total=100) is None
    assert seconds_left(elapsed=10, done=50, total=None) is None
    assert seconds_left(elapsed=10, done=50, total=100) == 10
