from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from maillage_campaigns.reports.suppression import TOTAL, Cell, suppress, with_margins

K = 3
TABLES = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "z"])),
    st.integers(0, 6),
    max_size=9,
)


def possible_values(published: dict[Cell, int | None], *, most: int) -> dict[Cell, set[int]]:
    """What someone finds who tries every table that fits what is published, zeros being shown."""
    inner = [cell for cell in published if TOTAL not in cell]
    choices = [
        range(1, most + 1) if published[cell] is None else [published[cell] or 0] for cell in inner
    ]
    found: dict[Cell, set[int]] = {cell: set() for cell, n in published.items() if n is None}
    for values in product(*choices):
        table = with_margins(dict(zip(inner, values, strict=True)))
        if all(table[cell] == (table[cell] if n is None else n) for cell, n in published.items()):
            for cell in found:
                found[cell].add(table[cell])
    return found


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_nobody_can_compute_a_hidden_cell_back(counts: dict[Cell, int]) -> None:
    published = suppress(counts, threshold=K)
    if sum(n is None and TOTAL not in cell for cell, n in published.items()) > 4:
        return  # too many tables to try them all
    truth = with_margins(counts)
    for cell, values in possible_values(published, most=8).items():
        assert truth[cell] in values
        assert len(values) >= K


@given(TABLES, st.integers(2, 10))
def test_no_small_count_is_shown_and_what_is_shown_is_true(
    counts: dict[Cell, int], threshold: int
) -> None:
    truth = with_margins(counts)
    for cell, count in suppress(counts, threshold=threshold).items():
        assert count is None or (count == truth[cell] and not 0 < count < threshold)


def test_one_small_cell_takes_three_others_with_it() -> None:
    counts = {("a", "x"): 2, ("a", "y"): 20, ("b", "x"): 30, ("b", "y"): 40}
    published = suppress(counts, threshold=5)
    assert {cell for cell, count in published.items() if count is None} == set(counts)
    assert published[TOTAL, TOTAL] == 92


def test_a_bridge_between_two_hidden_blocks_is_found() -> None:
    """Every line has two hidden cells or none, and still one cell could be computed."""
    counts = {
        ("a", "v"): 1,
        ("a", "w"): 1,
        ("b", "v"): 1,
        ("b", "w"): 1,
        ("b", "x"): 1,
        ("c", "x"): 1,
        ("c", "y"): 1,
        ("d", "x"): 1,
        ("d", "y"): 1,
    } | {(row, "z"): 50 for row in "abcd"}
    published = suppress(counts, threshold=2)
    hidden = {cell for cell, count in published.items() if count is None}
    assert ("b", "x") in hidden
    assert hidden & {(row, "z") for row in "abcd"}


def test_a_table_without_small_cells_is_shown_whole() -> None:
    published = suppress({("a", "x"): 10, ("b", "x"): 12}, threshold=5)
    assert None not in published.values()


def test_an_empty_table_stays_empty() -> None:
    assert suppress({}, threshold=5) == {}
