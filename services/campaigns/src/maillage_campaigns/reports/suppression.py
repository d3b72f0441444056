"""Small cells suppressed, and enough others that none can be computed back.

Primary: every count from 1 to k - 1, margins included. Secondary: more cells, the smallest first,
until each suppressed one could be at least k different numbers for someone who knows every
published cell, that the table adds up, and that zeros are always shown.

A table with its margins is a bipartite graph: lines (rows and columns, the total row and the total
column among them) are nodes, cells are edges, and adding up is flow conservation. How far a hidden
cell can rise or fall is then a maximum flow through the other hidden cells, so the check is exact
and not a rule of thumb. Source: Castro, "Recent advances in optimization techniques
for statistical tabular data protection" (2012), network formulation of two-way tables.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from heapq import heappop, heappush

Cell = tuple[str, str]
TOTAL = "total"
_Node = tuple[str, str]
_UNBOUNDED = 1 << 40


def with_margins(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """The full grid: absent cells as zeros, and the totals."""
    rows = sorted({row for row, _ in counts})
    columns = sorted({column for _, column in counts})
    grid = {(row, column): counts.get((row, column), 0) for row in rows for column in columns}
    for row in rows:
        grid[row, TOTAL] = sum(grid[row, column] for column in columns)
    for column in [*columns, TOTAL] if rows else []:
        grid[TOTAL, column] = sum(grid[row, column] for row in rows)
    return grid


def suppress(counts: Mapping[Cell, int], *, threshold: int) -> dict[Cell, int | None]:
    """The table with its margins; suppressed cells are None."""
    grid = with_margins(counts)
    hidden = {cell for cell, count in grid.items() if 0 < count < threshold}
    pending = deque(sorted(hidden))
    while pending:
        cell = pending[0]
        added = _protect(grid, hidden, cell, enough=threshold - 1)
        hidden |= added
        pending.extend(sorted(added))
        if not added:
            pending.popleft()
    return {cell: None if cell in hidden else count for cell, count in grid.items()}


def _protect(grid: Mapping[Cell, int], hidden: set[Cell], cell: Cell, *, enough: int) -> set[Cell]:
    """What else to hide so that `cell` could have `enough` further values; empty when it could."""
    rise = _Flow(grid, hidden, cell, direction=1)
    freedom = rise.push(enough)
    if freedom >= enough:
        return set()
    # A hidden cell is known to be at least 1.
    if freedom + _Flow(grid, hidden, cell, direction=-1).push(grid[cell] - 1) >= enough:
        return set()
    return rise.cheapest_detour() or set(_shown(grid, hidden))


def _shown(grid: Mapping[Cell, int], hidden: set[Cell]) -> list[Cell]:
    """The smallest shown cell that is not zero, if any: hiding a zero would fool nobody."""
    shown = [cell for cell, count in grid.items() if count > 0 and cell not in hidden]
    return sorted(shown, key=lambda cell: (grid[cell], cell))[:1]


class _Flow:
    """What balances a change of one cell: flow from one end of its edge to the other."""

    def __init__(
        self, grid: Mapping[Cell, int], hidden: set[Cell], cell: Cell, *, direction: int
    ) -> None:
        self.grid, self.hidden = grid, hidden
        self.room: dict[_Node, dict[_Node, int]] = defaultdict(lambda: defaultdict(int))
        for other in hidden - {cell}:
            for start, end, room in self._edges(other):
                self.room[start][end] += room
        self.source, self.target = ("column", cell[1]), ("row", cell[0])
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
        for other in (cell for cell, count in self.grid.items() if count > 0):
            if other not in self.hidden:
                offers |= {(a, b): other for a, b, room in self._edges(other) if room > 0}
        return {offers[edge] for edge in self._shortest(offers) if edge in offers}

    def _edges(self, cell: Cell) -> tuple[tuple[_Node, _Node, int], ...]:
        """Both ways through a cell: it may rise without end and fall to 1."""
        row, column = ("row", cell[0]), ("column", cell[1])
        rise, fall = _UNBOUNDED, self.grid[cell] - 1
        along, back = (rise, fall) if _sign(cell) > 0 else (fall, rise)
        return (row, column, along), (column, row, back)

    def _shortest(self, offers: Mapping[tuple[_Node, _Node], Cell]) -> list[tuple[_Node, _Node]]:
        """Edges from source to target (Dijkstra): hidden cells cost nothing, offers their count."""
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
                price = cost + (0 if free else self.grid[offers[node, end]])
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
