"""Bonus credits: how they are switched on, what they must be.

The amounts are computed a second time here, in decimals.
"""

from dataclasses import dataclass
from decimal import Decimal

from conformance.expect import Expectation
from conformance.vectors import CannotRun

KINDS = ("payment", "api_payment")  # one switch for both

TOPUP_PERCENT = 5
LOYALTY_PERCENT = {1: 3, 2: 5, 3: 10}  # by full years of the contract


@dataclass(frozen=True)
class Bonus:
    """One bonus as a kit gives it."""

    category: int
    most: int  # 0: no bound
    name: str  # of the category
    comment: str


TOPUP_WORDS = ("Бонус за пополнение счета",
               "Бонус за пополнение счета на сумму от 2000 руб.")
LOYALTY_WORDS = ("Бонус лояльности", "Бонус лояльности")

BONUSES = {
    ("bonus_topup", "seed"): Bonus(-1, 300, *TOPUP_WORDS),
    ("bonus_topup", "new"): Bonus(-2, 100, *TOPUP_WORDS),
    ("bonus_loyalty", "seed"): Bonus(-1, 0, *LOYALTY_WORDS),
    ("bonus_loyalty", "new"): Bonus(-3, 0, *LOYALTY_WORDS),
}

PERCENT_KEYS = {
    "bonus_topup": {"minimum": "2000.00", "percent": TOPUP_PERCENT},
    "bonus_loyalty": {"percent_1_year": LOYALTY_PERCENT[1],
                      "percent_2_years": LOYALTY_PERCENT[2],
                      "percent_3_years": LOYALTY_PERCENT[3]},
}


def sections(_kind, vector, _constants):
    """Our section for the bonus."""
    bonus = _bonus(vector)
    return {vector["action"]: PERCENT_KEYS[vector["action"]] | {
        "on": "yes", "least": "10.00", "most": f"{bonus.most}.00",
        "category": bonus.category, "name": bonus.name,
        "comment": bonus.comment}}


def acting(case):
    """The credit that our rules give."""
    bonus = _bonus(case.vector)
    rows = {"addons_pay_api": [{
        "transaction_id": 0, "misc_id": "", "category": bonus.category,
        "user_ref": case.facts.uid, "amount": _amount(case, bonus),
        "creation_time": "NOW()", "update_time": "NOW()", "status": 0,
        "comment": bonus.comment}]}
    if not case.facts.knows_category(bonus.category):
        rows["addons_pay_api_category"] = [_category_row(case, bonus)]
    return Expectation(appear=rows)


def corrected(case, record):
    """Ours in place of a recorded credit; it must be another one."""
    expected = acting(case)
    credited = record["db"].get("addons_pay_api", [{}])[0].get("amount")
    amount = expected.appear["addons_pay_api"][0]["amount"]
    if credited is not None and Decimal(credited) == amount:
        raise CannotRun("the difference that makes ours better is not known")
    return expected


def _category_row(case, bonus):
    row = {"category": bonus.category, "categoryname": bonus.name,
           "description": "", "show_in_final_report": 0,
           "order_in_final_report": 0}
    modern = case.vector["schema"] == "modern"
    return row | ({"send_pay_sms": 0} if modern else {})


def _bonus(vector):
    return BONUSES[vector["action"], vector["kit"]]


def _amount(case, bonus):
    """Whole tens, from 10 up to the bound."""
    if case.vector["action"] == "bonus_topup":
        amount = case.facts.payment * TOPUP_PERCENT / 100
    else:
        years = case.facts.contract_years
        if years not in LOYALTY_PERCENT:
            raise CannotRun("ours is to give a bonus, but the contract is "
                            "too young")
        amount = case.facts.monthly_fee * LOYALTY_PERCENT[years] / 100
    if bonus.most:
        amount = min(amount, Decimal(bonus.most))
    return max(amount // 10 * 10, Decimal(10))
