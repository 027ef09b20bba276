"""Tables: seams down, actions across, a word in each cell."""

from matrix.kill import TAKEN
from matrix.scenario import SCENARIOS, WHOLE
from matrix.seams import all_seams

WORST = ("WRONG", "doubtful", "forgotten", "expired", "skipped", "ok", "-")


def columns():
    """Those of all scenarios, in order."""
    return [column for one in SCENARIOS.values() for column in one.columns]


def words_of(cells):
    """(seam, column) -> the worst word of its runs."""
    found = {}
    for cell in cells:
        for column, word in cell.words.items():
            word = "WRONG" if cell.complaints else word
            key = cell.seam, column
            found[key] = min(found.get(key, "-"), word, key=WORST.index)
    return found


def draw(cells):
    """The table of some runs, as text."""
    words = words_of(cells)
    seams = [seam for seam in (*all_seams(), TAKEN)
             if any(seam == cell.seam for cell in cells)]
    rows = [["killed at", *columns()]] + [
        [seam, *(words.get((seam, column), "-") for column in columns())]
        for seam in seams]
    return _lined_up(rows)


def draw_stops(results):
    """The table of the stops, as text."""
    rows = [["stopped at", "in", "rows changed", "requests", "doubled"]]
    for one in results:
        whole = one.stop.scenario is WHOLE
        sent = ", ".join(f"{count} to {name}"
                         for name, count in one.calls.items())
        rows.append([one.stop.seam,
                     "everything at once" if whole else one.stop.scenario.name,
                     ", ".join(one.changed) or "none", sent or "none",
                     "; ".join(one.doubled) or "nothing"])
    return _lined_up(rows)


def _lined_up(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width
                               in zip(row, widths)).rstrip() for row in rows)
