from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from maillage_campaigns.reports.suppression import (
    OTHER,
    TOTAL,
    Cell,
    fold,
    suppress,
    with_margins,
)

ROWS, COLUMNS = ("a", "b"), ("x", "y", "z")
TABLES = st.dictionaries(
    st.tuples(st.sampled_from(ROWS), st.sampled_from(COLUMNS)), st.integers(0, 5)
)
WIDE_TABLES = st.dictionaries(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")),
    st.one_of(st.integers(0, 6), st.integers(0, 60)),
)
Table = dict[Cell, int]
Published = dict[Cell, int | None]


def folded(counts: Table, k: int) -> Table:
    """With its margins."""
    return with_margins(fold(counts, threshold=k, rows=ROWS, columns=COLUMNS))


class Reader:
    """Someone who tries every table of ROWS and COLUMNS that fits what is published."""

    def __init__(self, published: Published, *, k: int, most: int) -> None:
        self.published, self.k, self.most = published, k, most
        self.inner = [cell for cell in published if TOTAL not in cell]
        self.rows, self.columns = (sorted({cell[axis] for cell in self.inner}) for axis in (0, 1))

    def tables(self, found: Table | None = None) -> Iterator[Table]:
        found = found or {}
        if len(found) == len(self.inner):
            if self._explains_the_names(found):
                yield with_margins(found)
            return
        cell = self.inner[len(found)]
        shown = self.published[cell]
        for count in range(self._at_most(cell) + 1) if shown is None else [shown]:
            if self._adds_up(more := {**found, cell: count}):
                yield from self.tables(more)

    def _at_most(self, cell: Cell) -> int:
        """No cell of a line that is not named has k; how many such lines there are is known."""
        unnamed_rows = len(ROWS) - len(self.rows) + 1 if cell[0] == OTHER else 1
        unnamed_columns = len(COLUMNS) - len(self.columns) + 1 if cell[1] == OTHER else 1
        if OTHER in cell:
            return unnamed_rows * unnamed_columns * (self.k - 1)
        return self.most

    def _adds_up(self, found: Table) -> bool:
        for margin, cells in self._margins():
            shown = self.published.get(margin)
            so_far = sum(found.get(cell, 0) for cell in cells)
            is_whole = all(cell in found for cell in cells)
            if shown is not None and (so_far > shown or (is_whole and so_far != shown)):
                return False
        return True

    def _margins(self) -> Iterator[tuple[Cell, list[Cell]]]:
        for row in self.rows:
            yield (row, TOTAL), [(row, column) for column in self.columns]
        for column in self.columns:
            yield (TOTAL, column), [(row, column) for row in self.rows]
        yield (TOTAL, TOTAL), self.inner

    def _explains_the_names(self, found: Table) -> bool:
        telling = [cell for cell, count in found.items() if count >= self.k and OTHER not in cell]
        return {row for row, _ in telling} == {*self.rows} - {OTHER} and (
            {column for _, column in telling} == {*self.columns} - {OTHER}
        )


# A failing table is small already, and making it smaller tries every table again and again.
@settings(max_examples=300, deadline=None, phases=set(Phase) - {Phase.shrink})
@given(TABLES, st.integers(2, 3), st.booleans())
def test_whoever_tries_every_table_finds_no_hidden_cell(
    counts: Table, k: int, total_column: bool
) -> None:
    published = suppress(counts, threshold=k, rows=ROWS, columns=COLUMNS, total_column=total_column)
    truth = folded(counts, k)
    wanted: dict[Cell, set[int]] = {}
    for cell, count in published.items():
        if count is None and (truth[cell] < k or OTHER in cell):
            wanted[cell] = set(range(k))
    hidden = [cell for cell, count in published.items() if count is None]
    first: Table | None = None
    pinned = set(hidden)
    event(f"{len(hidden)} hidden")
    for table in Reader(published, k=k, most=max(truth.values()) + k).tables():
        first = first or table
        pinned -= {cell for cell in pinned if table[cell] != first[cell]}
        for cell, values in wanted.items():
            values.discard(table[cell])
        if not pinned and not any(wanted.values()):
            return
    assert not pinned
    assert not any(wanted.values()), wanted


@given(WIDE_TABLES, st.integers(2, 10), st.booleans())
def test_no_count_under_k_is_shown_and_what_is_shown_is_true(
    counts: Table, k: int, total_column: bool
) -> None:
    published = suppress(counts, threshold=k, total_column=total_column)
    truth = with_margins(fold(counts, threshold=k, rows=None, columns=None))
    for cell, count in published.items():
        assert count is None or (count == truth[cell] and count >= k)


@given(WIDE_TABLES, st.data(), st.integers(2, 10))
def test_one_person_more_in_a_small_cell_changes_no_name(
    counts: Table, data: st.DataObject, k: int
) -> None:
    cell = data.draw(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("tuvwxyz")))
    before = {**counts, cell: data.draw(st.integers(0, k - 2))}
    after = {**before, cell: before[cell] + 1}
    assert suppress(before, threshold=k).keys() == suppress(after, threshold=k).keys()


@given(TABLES, st.data())
def test_a_table_of_fewer_than_k_people_tells_nothing(counts: Table, data: st.DataObject) -> None:
    few = data.draw(st.integers(sum(counts.values()) + 1, 100))
    published = suppress(counts, threshold=few)
    assert published == suppress({}, threshold=few)
    assert published == dict.fromkeys(product((OTHER, TOTAL), repeat=2))


@pytest.mark.parametrize("name", [(OTHER, TOTAL), (TOTAL, OTHER), (OTHER, OTHER)])
def test_other_is_there_and_hidden_however_many_are_in_it(name: Cell) -> None:
    named = {("a", "x"): 20, ("b", "y"): 30, ("a", "y"): 20, ("b", "x"): 30}
    for rest in ({}, {("c", "z"): 1}, {(row, "z"): 4 for row in "cdefgh"}):
        published = suppress({**named, **rest}, threshold=5)
        assert {row for row, _ in published} == {"a", "b", OTHER, TOTAL}
        assert name in published
        assert published[name] is None


def test_other_is_left_out_where_every_code_is_named() -> None:
    """Everybody knows then that nobody is in it, so it would hide nothing."""
    counts = {(row, column): 20 for row in "ab" for column in "xy"}
    whole = suppress(counts, threshold=5, rows="ab", columns="xy")
    assert whole == with_margins(counts)
    assert OTHER in {row for row, _ in suppress(counts, threshold=5, rows="abc", columns="xy")}


def test_one_small_cell_takes_three_others_with_it() -> None:
    counts = {("a", "x"): 2, ("a", "y"): 20, ("b", "x"): 30, ("b", "y"): 40}
    published = suppress(counts, threshold=5, rows="ab", columns="xy")
    assert {cell for cell, count in published.items() if count is None} == set(counts)
    assert published[TOTAL, TOTAL] == 92


def test_a_zero_is_hidden_as_any_small_count_is() -> None:
    counts = {("a", "y"): 20, ("b", "x"): 30, ("b", "y"): 40}
    none, some = (
        suppress({**counts, ("a", "x"): n}, threshold=5, rows="ab", columns="xy") for n in (0, 4)
    )
    assert [cell for cell, count in none.items() if count is None] == [
        cell for cell, count in some.items() if count is None
    ]


def test_hidden_counts_whose_sum_can_be_computed_are_k_together() -> None:
    counts = {("a", "x"): 20, ("a", "y"): 2, ("a", "z"): 2, ("b", "x"): 20, ("b", "y"): 20}
    counts |= {("b", "z"): 20}
    published = suppress(counts, threshold=5, rows="ab", columns="xyz")
    hidden = [column for column in "xyz" if published["a", column] is None]
    assert published["a", TOTAL] is None or sum(counts["a", column] for column in hidden) >= 5


def test_people_in_several_columns_are_not_totalled() -> None:
    counts = {("a", "x"): 9, ("a", "y"): 9, ("b", "x"): 9, ("b", "y"): 9}
    published = suppress(counts, threshold=5, rows="ab", columns="xy", total_column=False)
    assert published == counts | {(TOTAL, "x"): 18, (TOTAL, "y"): 18}


def test_a_bridge_between_two_hidden_blocks_is_found() -> None:
    """Every line has two hidden cells or none, and still one cell could be computed."""
    small = {
        *(("a", "v"), ("a", "w"), ("b", "v"), ("b", "w"), ("b", "x")),
        *(("c", "x"), ("c", "y"), ("d", "x"), ("d", "y")),
    }
    counts = {cell: 1 if cell in small else 50 for cell in product("abcd", "vwxyz")}
    published = suppress(counts, threshold=2, rows="abcd", columns="vwxyz")
    hidden = {cell for cell, count in published.items() if count is None}
    assert hidden > small
    assert {row for row, _ in hidden - small} & {"a", "b"}
