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
            wrong = [line for cell in cells for line in cell.lines]
            assert not wrong, "\n".join(wrong)
            odd = [cell for cell in cells if _is_odd(cell)]
            assert not odd, odd


def _is_odd(cell):
    """Only what nobody can be asked about may be doubtful."""
    return any(word != "ok" and not (
        word == "doubtful" and column in MAY_BE_DOUBTFUL)
        for column, word in cell.words.items())
