"""Quiet hours as the rule has them, written a second time for the runner.

What is to be said from 23:00 on waits for 10:00 of the next day, what is to
be said before 10:00 for 10:00 of the same day.
"""

from datetime import datetime, timedelta, timezone

YEKATERINBURG = timezone(timedelta(hours=5))
HOURS = "23:00-10:00"
SECTIONS = {"notice": {"time_zone": "Asia/Yekaterinburg",
                       "plan_at_provider": "yes"}}


def clock_of(vector):
    """The wall clock that the decision must see, or None."""
    text = vector.get("clock")
    return text and datetime.fromisoformat(text).replace(tzinfo=YEKATERINBURG)


def planned(clock):
    """When a message of this moment may go, or None: at once."""
    day = clock + timedelta(days=clock.hour >= 23)
    if 10 <= clock.hour < 23:
        return None
    return day.replace(hour=10, minute=0, second=0)
