"""The life of an import. docs/states.md says the same in words."""

from maillage_directory.models.imports import ImportStage as Stage

MOVES: dict[Stage, frozenset[Stage]] = {
    Stage.RECEIVED: frozenset({Stage.READING, Stage.CANCELLED}),
    # Again to reading: the worker died, and the same lines change nothing the second time.
    Stage.READING: frozenset({Stage.READING, Stage.CHECKED, Stage.DONE, Stage.FAILED}),
    Stage.CHECKED: frozenset({Stage.RECEIVED, Stage.CANCELLED}),
    Stage.DONE: frozenset(),
    Stage.FAILED: frozenset(),
    Stage.CANCELLED: frozenset(),
}


class ImpossibleMove(Exception):
    """Someone else was faster, or it is over."""


def move(current: Stage, to: Stage) -> Stage:
    if to not in MOVES[current]:
        raise ImpossibleMove(f"{current} → {to}")
    return to
