"""What tests of receipts share."""

from harness.product import with_settings


def settings_for(settings, till, **receipt):
    """Receipts of all kinds, to this till, without long pauses."""
    return with_settings(
        settings,
        payment={"sms": "no"},
        komtet={"url": till.url, "rate": 200, "connections": 4,
                "retry_first": "200 ms", "retry_longest": "1 s",
                "hold": "300 ms"},
        receipt={"payments": "yes", "refunds": "yes",
                 "look_first": "200 ms", "look_longest": "1 s"} | receipt)


def receipts(chain, columns="*"):
    """Rows of table receipt, in the order of their numbers."""
    return chain.db.sql(f"SELECT {columns} FROM receipt ORDER BY id",
                        "mikbill_events")
