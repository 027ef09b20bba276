"""What the tests of the kill matrix have in common."""

from matrix.kill import quick_column
from matrix.scenario import SCENARIOS
from matrix.stage import Stage
from matrix.table import draw

MAY_BE_DOUBTFUL = {"sms/smspilot"}


def check_columns(*names):
    """Killed anywhere, these end as they should; which seams were tried."""
    with Stage() as stage:
        for name in names:
            cells = list(quick_column(stage, SCENARIOS[name]))
            print(draw(cells))
            assert [line for cell in cells for line in cell.lines] == []
            assert [(cell.seam, cell.n, cell.variant.name, cell.words)
                    for cell in cells if _is_odd(cell)] == []


def _is_odd(cell):
    """Only what nobody can be asked about may be doubtful."""
    return any(word != "ok" and not (
        word == "doubtful" and column in MAY_BE_DOUBTFUL)
        for column, word in cell.words.items())
