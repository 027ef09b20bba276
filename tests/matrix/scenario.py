"""What happens in the billing, and which actions it leads to."""

from dataclasses import dataclass

PAYER, CHANGER = 1001, 1002
SUMMA, FEE, LOYALTY = 2200, 700, 7000  # roubles, roubles, kopecks
DISCOUNT = (CHANGER, "ext_discount_subs", "10")
TEXT = {"text": "{login}: {amount} {currency}", "ending": "-"}
PILOT = {"sms": "yes", "channels": "smspilot", **TEXT}
SMSC = {"sms": "yes", "channels": "smsc", "after": "0 s"}
SOCIAL = {"social": "yes", **TEXT}
BONUSES = {"bonus_topup": {"on": "yes"}, "bonus_loyalty": {"on": "yes"}}
PUBLIC = "https://billing.example.com/komtet"


@dataclass(frozen=True)
class Scenario:
    """One thing that is booked, or several.

    due       kind of event -> the actions that come of it
    settings  sections of mbevd.ini that switch those on
    told      Komtet tells of its receipts by itself, and is not asked
    """

    due: dict
    settings: dict
    told: bool = False

    @property
    def by_smsc(self):
        """Is it one message that goes by SMSC?"""
        return self.columns in (["sms/smsc"], ["social"])

    def calls(self, seam):
        """Is that seam one of a call that it leads to?"""
        by_router = "session_reset" in self.actions
        in_billing = {"bonus_topup", "discount_remove"} & set(self.actions)
        return not in_billing and by_router == seam.startswith("routers.")

    @property
    def name(self):
        """Its columns."""
        return ", ".join(self.columns)

    @property
    def actions(self):
        """All actions, in order."""
        return [action for actions in self.due.values() for action in actions]

    @property
    def columns(self):
        """What they are called in the tables."""
        return [self.column(kind, action)
                for kind, actions in self.due.items() for action in actions]

    def column(self, kind, action):
        """The name of an action in the tables."""
        if action == "sms":
            return f"sms/{'smspilot' if kind == 'payment' else 'smsc'}"
        return f"{action}/told" if self.told else action


def _payment(*actions, told=False, **settings):
    """A payment of the payer's."""
    return Scenario({"payment": actions}, settings, told)


def _tariff(*actions, **settings):
    """A change of tariff of the changer's."""
    return Scenario({"tariff_change": actions}, settings)


SCENARIOS = {one.name: one for one in (
    _payment("sms", payment=PILOT),
    _tariff("sms", tariff_change=SMSC),
    _payment("social", payment=SOCIAL),
    _payment("receipt", receipt={"payments": "yes"}),
    _payment("receipt", told=True, callback={"on": "yes"},
             receipt={"payments": "yes", "callback_url": PUBLIC,
                      "look_first": "1 h", "look_longest": "1 h"}),
    _payment("bonus_topup", "bonus_loyalty", **BONUSES),
    _tariff("discount_remove", discounts={"remove": "yes"}),
    _tariff("session_reset", session_reset={"tariff_change": "yes"}),
)}

# All of them at once, but for what Komtet tells.
WHOLE = Scenario(
    {"payment": ("sms", "social", "receipt", "bonus_topup", "bonus_loyalty"),
     "tariff_change": ("sms", "discount_remove", "session_reset")},
    {"payment": {**PILOT, **SOCIAL}, "tariff_change": SMSC,
     "receipt": {"payments": "yes"}, **BONUSES,
     "discounts": {"remove": "yes"},
     "session_reset": {"tariff_change": "yes"}})
