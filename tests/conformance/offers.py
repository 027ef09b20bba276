"""What this version offers, and how it is switched on for a vector.

OFFERS maps (event, action) to the configuration that makes the product act
as the kit did. A pair that is not here stands in not_offered.txt.
"""

import json
import re
from dataclasses import dataclass
from typing import Callable

from conformance.vectors import CannotRun
from harness import product

NOT_SENT = "Не отправлено"


@dataclass(frozen=True)
class Provider:
    """One service that the stand-ins play."""

    url_path: str
    phone: str  # name of the parameter that holds the receiver
    text: str  # name of the parameter that holds the message
    accepts: Callable  # does this reply, read as JSON, mean success?
    personal: Callable  # the canned success made out to a request
    settings: Callable  # our sections for constants and URL
    parameters: Callable  # parameters of a request, as the kit sends them


@dataclass(frozen=True)
class Offer:
    """A pair of event and action that works."""

    provider: str
    text: str  # the kit's message: {login}, {amount}, {CONSTANT}
    settings: Callable  # our section of this event kind for constants


def _smspilot_personal(reply, request):
    """Ids count up, every receiver is echoed, as the service does."""
    number = str(10000 + request.number)
    phones = request.params.get("to", "").split(",")
    return reply | {
        "server_packet_id": number,
        "send": [reply["send"][0] | {"server_id": number, "phone": phone}
                 for phone in phones]}


def _smspilot_settings(constants, url):
    return {
        "smspilot": {"url": url, "api_key": constants["SMS_PILOT_KEY"],
                     "sender": constants["SMS_PILOT_NAME"]},
        "company": {"currency": constants["CURRENCY_NAME"],
                    "signature": constants["COMPLIMENT"]}}


def _smspilot_parameters(constants, phone, text):
    return {"send": text, "to": phone, "from": constants["SMS_PILOT_NAME"],
            "format": "json", "apikey": constants["SMS_PILOT_KEY"]}


def _payment_sms(constants):
    """One ending, the sample with which the vectors were recorded."""
    return {
        "sms": "yes", "minimum": "10.00",
        "text": "На счет #{login} зачислен платеж: {amount} {currency}. "
                "{ending}",
        "ending": constants["sample"].replace("{", "{{")}


PROVIDERS = {
    "smspilot": Provider(
        url_path="/api.php", phone="to", text="send",
        accepts=lambda reply: bool(reply.get("send")),
        personal=_smspilot_personal,
        settings=_smspilot_settings,
        parameters=_smspilot_parameters),
}

OFFERS = {
    ("payment", "sms"): Offer(
        provider="smspilot",
        text="На счет #{login} зачислен платеж: {amount} {CURRENCY_NAME}. "
             "{sample}",
        settings=_payment_sms),
}


def settings_for(db, vector, constants, url):
    """The whole configuration: only this action, for exactly its kinds."""
    sections = {"billing": {
        "moved_subscribers": "no" if vector["kit"] == "new" else "yes"}}
    for kind in vector["routes"]:
        offer = OFFERS.get((kind, vector["action"]))
        if not offer:
            raise CannotRun(f"routed for {kind}, which does not offer "
                            f"{vector['action']}")
        sections[kind] = offer.settings(constants)
        sections |= PROVIDERS[offer.provider].settings(constants, url)
    return product.with_settings(
        product.default_settings(db, url), **sections)


def is_accepted(provider, reply):
    """Does the canned reply say that the message was taken?"""
    if reply is None or reply["status"] >= 300:
        return False
    content = _json_object(reply["body"])
    return content is not None and PROVIDERS[provider].accepts(content)


def body_for(provider, reply, request):
    """The body of the canned reply, made out to this request."""
    if not is_accepted(provider, reply):
        return reply["body"]
    return json.dumps(PROVIDERS[provider].personal(
        json.loads(reply["body"]), request))


def message_text(offer, constants, login, amount):
    """The message that the kit's template gives."""
    fields = constants | {"login": login, "amount": amount}
    return re.sub(r"{(\w+)}", lambda field: fields[field[1]], offer.text)


def _json_object(text):
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
