"""Small cells suppressed, and enough others that none can be computed back.

Named are the rows and columns with a cell of at least k people. The others are one row and one
column `other`, never shown: neither a name nor its absence tells of anybody. They are left out only
where every code there is is named, since all then know that nobody is in them.

Primary: every count under k, zeros and margins included. Secondary: more cells, the smallest in sum
first, until each primary one could be 0, k or anything between (k - 1 in `other`) for someone who
knows every published cell, that the table adds up, and why its lines are named. Up to k and not
only k - 1, so that a sum of hidden cells that can be computed is not a small count itself.

A table with its margins is a bipartite graph: lines (rows and columns, the total row and the total
column among them) are nodes, cells are edges, and adding up is flow conservation. How far a hidden
cell can rise or fall is then a maximum flow through the other hidden cells, so the check is exact
and not a rule of thumb. Source: Castro, "Recent advances in optimization techniques
for statistical tabular data protection" (2012), network formulation of two-way tables.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from heapq import heappop, heappush
from itertools import product

Cell = tuple[str, str]
TOTAL = "total"
OTHER = "other"
_Node = tuple[str, str]
_UNBOUNDED = 1 << 40


def suppress(
    counts: Mapping[Cell, int],
    *,
    threshold: int,
    rows: Collection[str] | None = None,
    columns: Collection[str] | None = None,
    total_column: bool = True,
) -> dict[Cell, int | None]:
    """The table with its margins; suppressed cells are None.

    `rows` and `columns` are all the codes that there are, None where that is not settled. Where a
    person may stand in several columns, have no total column: it would not count people.
    """
    grid = with_margins(fold(counts, threshold=threshold, rows=rows, columns=columns))
    published = [cell for cell in grid if total_column or cell[1] != TOTAL]
    primary = sorted(cell for cell in published if OTHER in cell or grid[cell] < threshold)
    hidden = {*primary, *(grid.keys() - published)}
    bounds = _bounds(grid, threshold)
    for cell in primary:
        enough = threshold - (OTHER in cell or TOTAL in cell)
        for direction, wanted in ((1, enough - grid[cell]), (-1, grid[cell])):
            while wanted > 0:
                flow = _Flow(grid, bounds, hidden, cell, direction=direction)
                if flow.push(wanted) == wanted:
                    break
                detour = flow.cheapest_detour()
                # So this ends: each round hides more, and with all cells hidden none is bounded.
                assert detour
                hidden |= detour
    return {cell: None if cell in hidden else grid[cell] for cell in published}


def fold(
    counts: Mapping[Cell, int],
    *,
    threshold: int,
    rows: Collection[str] | None,
    columns: Collection[str] | None,
) -> dict[Cell, int]:
    """The full grid of named lines and `other`; absent cells are zeros."""
    telling = [cell for cell, count in counts.items() if count >= threshold]
    named_rows, named_columns = ({cell[axis] for cell in telling} for axis in (0, 1))
    grid = dict.fromkeys(
        product(
            _lines(named_rows, rows, {row for row, _ in counts}),
            _lines(named_columns, columns, {column for _, column in counts}),
        ),
        0,
    )
    for (row, column), count in counts.items():
        into = (
            row if row in named_rows else OTHER,
            column if column in named_columns else OTHER,
        )
        grid[into] += count
    return grid


def _lines(named: set[str], codes: Collection[str] | None, seen: set[str]) -> list[str]:
    is_whole = codes is not None and named >= {*codes, *seen}
    return sorted(named) if is_whole else [*sorted(named), OTHER]


def with_margins(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """A full grid and its totals."""
    grid = defaultdict(int, counts)
    for (row, column), count in counts.items():
        for margin in ((row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            grid[margin] += count
    return dict(grid)


def _bounds(grid: Mapping[Cell, int], threshold: int) -> dict[Cell, tuple[int, int]]:
    """What each cell is known to be at least and at most, or narrower.

    A line is named for some cell of at least k: take it that all know which, its largest. What is
    in `other` may be one line, in which no cell has k.
    """
    bounds = {
        cell: (0, max(count, threshold - 1) if OTHER in cell else _UNBOUNDED)
        for cell, count in grid.items()
    }
    largest: dict[_Node, Cell] = {}
    for cell in sorted(grid, key=lambda cell: (grid[cell], cell)):
        if TOTAL not in cell and OTHER not in cell:
            largest |= dict.fromkeys(_ends(cell), cell)
    return bounds | dict.fromkeys(largest.values(), (threshold, _UNBOUNDED))


class _Flow:
    """What balances a change of one cell: flow from one end of its edge to the other."""

    def __init__(
        self,
        grid: Mapping[Cell, int],
        bounds: Mapping[Cell, tuple[int, int]],
        hidden: set[Cell],
        cell: Cell,
        *,
        direction: int,
    ) -> None:
        self.grid, self.bounds, self.hidden = grid, bounds, hidden
        self.room: dict[_Node, dict[_Node, int]] = defaultdict(lambda: defaultdict(int))
        for other in hidden - {cell}:
            for start, end, room in self._edges(other):
                self.room[start][end] += room
        self.target, self.source = _ends(cell)
        if _sign(cell) * direction < 0:
            self.source, self.target = self.target, self.source

    def push(self, enough: int) -> int:
        """The maximum flow, or `enough` when there is more."""
        flow = 0
        while flow < enough and (path := self._shortest({})):
            room = min(min(self.room[a][b] for a, b in path), enough - flow)
            for a, b in path:
                self.room[a][b] -= room
                self.room[b][a] += room
            flow += room
        return flow

    def cheapest_detour(self) -> set[Cell]:
        """The shown cells, smallest in sum, whose hiding would let more flow through."""
        offers: dict[tuple[_Node, _Node], Cell] = {}
        for other in self.grid.keys() - self.hidden:
            offers |= {(a, b): other for a, b, room in self._edges(other) if room > 0}
        return {offers[edge] for edge in self._shortest(offers) if edge in offers}

    def _edges(self, cell: Cell) -> tuple[tuple[_Node, _Node, int], ...]:
        """Both ways through a cell: how far it may rise, and fall."""
        (row, column), (least, most) = _ends(cell), self.bounds[cell]
        rise, fall = most - self.grid[cell], self.grid[cell] - least
        along, back = (rise, fall) if _sign(cell) > 0 else (fall, rise)
        return (row, column, along), (column, row, back)

    def _shortest(self, offers: Mapping[tuple[_Node, _Node], Cell]) -> list[tuple[_Node, _Node]]:
        """Edges from source to target (Dijkstra): hidden cells cost nothing, offers their count.

        Of equal counts the total row costs more: rates are made of it.
        """
        costs = {edge: 2 * self.grid[cell] + (cell[0] == TOTAL) for edge, cell in offers.items()}
        best: dict[_Node, int] = {self.source: 0}
        came_from: dict[_Node, _Node] = {}
        queue = [(0, self.source)]
        neighbours: dict[_Node, set[_Node]] = defaultdict(set)
        for start, end in offers:
            neighbours[start].add(end)
        while queue:
            cost, node = heappop(queue)
            if node == self.target:
                break
            for end in neighbours[node] | set(self.room[node]):
                free = self.room[node][end] > 0
                if not free and (node, end) not in offers:
                    continue
                price = cost + (0 if free else costs[node, end])
                if price < best.get(end, _UNBOUNDED):
                    best[end], came_from[end] = price, node
                    heappush(queue, (price, end))
        path: list[tuple[_Node, _Node]] = []
        node = self.target
        while node in came_from:
            path.append((came_from[node], node))
            node = came_from[node]
        return path


def _sign(cell: Cell) -> int:
    """Adding up, as conservation: a margin counts against the cells that it sums."""
    return -1 if (cell[0] == TOTAL) != (cell[1] == TOTAL) else 1


def _ends(cell: Cell) -> tuple[_Node, _Node]:
    """A cell's row and column, as nodes."""
    return ("row", cell[0]), ("column", cell[1])
