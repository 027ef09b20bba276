"""A receiver of events: checks each signature and keeps what it took."""

import base64
import hashlib
import hmac
import json
from functools import lru_cache

import jsonschema

from harness.server import REPO
from harness.standin import Reply, StandIn

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@lru_cache
def validator():
    """Of docs/events.schema.json."""
    schema = json.loads((REPO / "docs/events.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def refuse_float(text):
    """For json.loads(): no number may have a point."""
    raise AssertionError(f"{text} is no whole number")


def read_event(body):
    """The event in a body, which is as the schema says."""
    event = json.loads(body, parse_float=refuse_float)
    validator().validate(event)
    return event


def signature(secret, key, timestamp, body):
    """As docs/events.md says how to make it."""
    secret = (base64.b64decode(secret[6:]) if secret.startswith("whsec_")
              else secret.encode())
    signed = f"{key}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(
        hmac.digest(secret, signed, hashlib.sha256)).decode()


class Receiver(StandIn):
    """Takes every event with a good signature.

    events  what was taken, in order
    """

    path = "/events"
    secret = SECRET

    def reset(self):
        """Forget what came, behave well again."""
        super().reset()
        self.events = []

    def ordinary_reply(self, request):
        """Take it."""
        head = request.headers
        want = signature(self.secret, head["webhook-id"],
                         head["webhook-timestamp"], request.body)
        if want not in head["webhook-signature"].split(" "):
            return Reply(status=401, body="wrong signature")
        event = read_event(request.body)
        assert head["webhook-id"] == head["idempotency-key"] == event["key"]
        self.events.append(event)
        return Reply(status=204)

    def taken(self, uid=None):
        """Numbers of the events taken, of one subscriber or all."""
        return [e["id"] for e in list(self.events)
                if uid in (None, e["uid"])]
