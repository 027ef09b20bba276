"""The services that the stand-ins play, and how the kit speaks to them."""

import json
from dataclasses import dataclass
from datetime import timezone
from typing import Callable


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One service that the product calls."""

    name: str
    accepts: Callable  # does this reply, read as JSON, mean success?
    personal: Callable  # the canned success made out to a request
    sections: Callable  # our sections for constants and the URL before a path
    repeats: bool = False  # what may have been taken may be sent again


@dataclass(frozen=True, kw_only=True)
class Messenger(Provider):
    """One that takes messages."""

    url_path: str
    phone: str  # name of the parameter that holds the receiver
    text: str  # name of the parameter that holds the message
    planning: tuple  # names of the parameters that plan() gives
    parameters: Callable  # parameters of a request, as the kit sends them
    plan: Callable  # parameters that make it wait for an instant


def _smspilot_personal(reply, request):
    """Ids count up, every receiver is echoed, as the service does."""
    number = str(10000 + request.number)
    phones = request.params.get("to", "").split(",")
    return reply | {
        "server_packet_id": number,
        "send": [reply["send"][0] | {"server_id": number, "phone": phone}
                 for phone in phones]}


def _smspilot_sections(constants, base):
    return {"smspilot": {"url": base + SMSPILOT.url_path,
                         "api_key": constants["SMS_PILOT_KEY"],
                         "sender": constants["SMS_PILOT_NAME"]}}


def _smspilot_parameters(constants, phone, text):
    return {"send": text, "to": phone, "from": constants["SMS_PILOT_NAME"],
            "format": "json", "apikey": constants["SMS_PILOT_KEY"]}


def _smspilot_plan(when):
    """Its zone is unverified: the kit means UTC."""
    return {"send_datetime": f"{when.astimezone(timezone.utc):%F %T}"}


def _smsc_personal(reply, request):
    """The client's own id, as text, or the next number."""
    return reply | {"id": request.params.get("id", 500 + request.number)}


def _smsc_sections(constants, base):
    return {"smsc": {"url": base + "/sys",
                     "login": constants["SMSC_LOGIN"],
                     "password": constants["SMSC_PASSWORD"],
                     "sender": constants["SMSC_SENDER"]}}


def _smsc_parameters(constants, phone, text):
    """A message to the social networks: the kit sends no other."""
    return {"login": constants["SMSC_LOGIN"],
            "psw": constants["SMSC_PASSWORD"], "fmt": "3",
            "sender": constants["SMSC_SENDER"], "mes": text, "phones": phone,
            "soc": "1", "valid": "00:01", "charset": "utf-8"}


def _smsc_plan(when):
    """`tz` counts hours from Moscow."""
    hours = when.utcoffset().total_seconds() / 3600 - 3
    return {"time": f"{when:%d%m%y%H%M}", "tz": f"{hours:g}"}


def _komtet_personal(reply, request):
    """Ids count up."""
    return reply | {"id": reply["id"] + request.number - 1}


def _komtet_sections(constants, base):
    return {"komtet": {"url": base, "shop": constants["MARKET_ID"],
                       "secret": constants["MARKET_KEY"],
                       "queue": constants["QUEUE_ID"], "rate": 1000}}


SMSPILOT = Messenger(
    name="smspilot", url_path="/api.php", phone="to", text="send",
    planning=("send_datetime",),
    accepts=lambda reply: bool(reply.get("send")),
    personal=_smspilot_personal,
    sections=_smspilot_sections,
    parameters=_smspilot_parameters,
    plan=_smspilot_plan)

SMSC = Messenger(
    name="smsc", url_path="/sys/send.php", phone="phones", text="mes",
    planning=("time", "tz"),
    accepts=lambda reply: "id" in reply and "error_code" not in reply,
    personal=_smsc_personal,
    sections=_smsc_sections,
    parameters=_smsc_parameters,
    plan=_smsc_plan)

KOMTET = Provider(
    name="komtet", repeats=True,
    accepts=lambda reply: "id" in reply,
    personal=_komtet_personal,
    sections=_komtet_sections)


def is_accepted(provider, reply):
    """Does the canned reply say that it was taken?"""
    if reply is None or reply["status"] >= 300:
        return False
    content = json_object(reply["body"])
    return content is not None and provider.accepts(content)


def words_of(reply):
    """What the canned reply says of its error; '' when it says nothing."""
    content = reply and json_object(reply["body"])
    error = (content or {}).get("error", "")
    return error if isinstance(error, str) else error.get("description", "")


def body_for(provider, reply, request):
    """The body of the canned reply, made out to this request."""
    if not is_accepted(provider, reply):
        return reply["body"]
    return json.dumps(provider.personal(json.loads(reply["body"]), request))


def json_object(text):
    """The object that the text is, or None."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
