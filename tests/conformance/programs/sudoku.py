"""Solves a sudoku by constraint propagation and search."""

GRID = "003020600900305001001806400008102900700000008006708200002609500800203009005010300"
DIGITS = ROWS = "123456789"
COLUMNS = "abcdefghi"
cross = lambda left, right: [a + b for a in left for b in right]
CELLS = cross(COLUMNS, ROWS)
UNITS = (
    [cross(COLUMNS, row) for row in ROWS]
    + [cross(column, ROWS) for column in COLUMNS]
    + [cross(cs, rs) for cs in ("abc", "def", "ghi") for rs in ("123", "456", "789")]
)
PEERS = {cell: {other for unit in UNITS if cell in unit for other in unit} - {cell} for cell in CELLS}


def assign(values, cell, digit):
    if all(eliminate(values, cell, other) for other in values[cell].replace(digit, "")):
        return values
    return False


def eliminate(values, cell, digit):
    if digit not in values[cell]:
        return values
    values[cell] = values[cell].replace(digit, "")
    if not values[cell]:
        return False
    if len(values[cell]) == 1 and not all(eliminate(values, peer, values[cell]) for peer in PEERS[cell]):
        return False
    for unit in (unit for unit in UNITS if cell in unit):
        places = [place for place in unit if digit in values[place]]
        if not places or (len(places) == 1 and not assign(values, places[0], digit)):
            return False
    return values


def parse(grid):
    values = dict.fromkeys(CELLS, DIGITS)
    cells = [column + row for row in ROWS for column in COLUMNS]
    for cell, digit in zip(cells, grid):
        if digit in DIGITS and not assign(values, cell, digit):
            return False
    return values


def search(values):
    if not values or all(len(v) == 1 for v in values.values()):
        return values
    _, cell = min((len(v), cell) for cell, v in values.items() if len(v) > 1)
    return next(
        (found for digit in values[cell] if (found := search(assign(dict(values), cell, digit)))), False
    )


def show(values):
    return "\n".join(" ".join(values[column + row] for column in COLUMNS) for row in ROWS)


values = parse(GRID)  # @devstash
solved = search(values)  # @devstash
print(show(solved))  # @devstash
impossible = parse("11" + "0" * 79)  # @devstash
print(impossible)
