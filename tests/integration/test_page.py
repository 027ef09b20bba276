"""The status page as a person reads it, in a real browser.

    MBEV_PICTURES=docs/pictures pytest tests/integration/test_page.py

also makes the pictures of the manual.
"""

import os
import re
import threading
from pathlib import Path

import pytest

from harness.browser import Browser
from harness.process import wait_until
from harness.product import repo, with_settings
from harness.server import numbers
from harness.standin import Reply
from integration.seen import seen  # noqa: F401 (a fixture)
from integration.test_status import hurt, ours, refusal  # noqa: F401

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
WELL = {"en": "All is well", "ru": "Всё в порядке"}

# Ratio of the contrast of every text that can be seen with what is behind it.
CONTRAST = """
const light = c => { const v = c.map(x => (x /= 255) <= .03928 ? x / 12.92
  : ((x + .055) / 1.055) ** 2.4);
  return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const parts = c => c.match(/[\\d.]+/g).map(Number);
const behind = e => { for (; e; e = e.parentElement) {
  const c = parts(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] == 1) return c; } return [255, 255, 255]; };
const out = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
  if (!own || !e.getClientRects().length || e.closest('svg')) continue;
  const a = light(parts(getComputedStyle(e).color)), b = light(behind(e));
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) out.push(e.tagName + '.' + e.className + ' '
    + e.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
}
return out;"""


@pytest.fixture
def watched(seen):
    """A service that shows itself, with twenty subscribers."""
    chain = seen.chain
    chain.db.sql("INSERT INTO users (uid, user, gid, sms_tel) SELECT 2000 + seq,"
                 " CONCAT('ivanov', seq), 5, CONCAT('7900123', 4500 + seq)"
                 " FROM " + numbers(20), "mikbill")
    ours(chain, "DELETE FROM pulse")
    return seen.start()


def pay(seen, count=12):
    """So many more payments, done."""
    before = len(seen.chain.deliveries())
    for n in range(count):
        seen.chain.pay(uid=2001 + n % 20, summa=100 + 50.5 * n)
    seen.chain.wait_settled(before + count)


def day(seen):
    """Counts of a whole day, as a service would have left them."""
    curve = "ROUND(14 + 12 * SIN(seq / 46 - 3))"
    ours(seen.chain, f"""
        INSERT INTO pulse (slot_utc, name, good, again, bad)
        SELECT UTC_TIMESTAMP() - INTERVAL seq * 5 MINUTE, 'events', {curve},
               0, 0 FROM {numbers(284)} WHERE seq > 2 UNION ALL
        SELECT UTC_TIMESTAMP() - INTERVAL seq * 5 MINUTE, 'smspilot', {curve},
               IF(seq BETWEEN 70 AND 96, 6, 0), IF(seq IN (40, 77, 200), 2, 0)
        FROM {numbers(284)} WHERE seq > 2""")


def check(browser):
    """What holds of every look of the page."""
    assert browser.errors() == []
    width, shown = browser.run("return [document.documentElement.scrollWidth,"
                               " innerWidth]")
    assert width <= shown, "it scrolls sideways"
    assert browser.run(CONTRAST) == []
    assert browser.run("return [...document.querySelectorAll('table')].every("
                       "t => !t.tBodies[0].rows.length || [...t.tHead.rows[0]"
                       ".cells].every(c => c.scope == 'col' && c.innerText"
                       " !== undefined))")
    assert browser.run("return document.querySelectorAll('main').length") == 1
    assert "undefined" not in browser.text()
    assert "[object" not in browser.text()


def save(browser, name, whole=False, top=0):
    """A picture for the manual, when these are wanted."""
    folder = os.environ.get("MBEV_PICTURES")
    if folder:
        if not whole:
            browser.run("scrollTo(0, arguments[0])", top)
        (Path(repo()) / folder / f"{name}.png").write_bytes(
            browser.picture(whole))


@pytest.mark.parametrize("size", [DESKTOP, PHONE, {"width": 320,
                                                   "height": 640}],
                         ids=["desktop", "phone", "small"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_it_is_readable_everywhere(watched, size, dark, language):
    pay(watched, 3)
    day(watched)
    with Browser(**size, dark=dark, language=language) as browser:
        browser.open(watched.url)
        browser.wait_text(WELL[language], "#health")
        browser.wait_text("SMSPilot", "#lanes")
        background = browser.run("return getComputedStyle(document.body)"
                                 ".backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(background) < 64) == dark
        browser.click("#events button")
        browser.wait_text("2003", ".story")
        assert browser.text("#h-lanes") == {"en": "Channels",
                                            "ru": "Каналы"}[language]
        assert browser.run("return document.documentElement.lang") == language
        check(browser)


def test_the_language_is_switched_by_a_link(watched):
    with Browser(language="en") as browser:
        browser.open(watched.url)
        browser.wait_text(WELL["en"])
        browser.click("#lang")
        browser.wait_text(WELL["ru"])
        browser.open(watched.url)
        browser.wait_text(WELL["ru"])  # it is remembered
        browser.click("#lang")
        browser.wait_text(WELL["en"])


def test_every_text_is_there_in_both_languages():
    page = (Path(repo()) / "poller" / "page" / "page.html").read_text("utf-8")
    texts = re.search(r"const texts = `(.*?)`;", page, re.S)[1].split("\n")
    keys = [line.split("|")[0] for line in texts]
    assert len(set(keys)) == len(keys) > 100
    for line in texts:
        _, english, russian = line.split("|")
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(
            re.findall(r"\{\d\}", russian)), line
    used = set(re.findall(r"\bt\('([\w-]*\w)'", page))
    assert used <= set(keys), used - set(keys)


def test_events_come_by_themselves_and_an_open_story_stays(watched):
    pay(watched, 3)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("payment", "#events")
        browser.click("#events button")
        browser.wait_text("ivanov3: 201.00", ".story")
        browser.run("window.mark = document.querySelector('.story')")
        pay(watched, 6)
        wait_until(lambda: browser.run(
            "return document.querySelectorAll('#events button').length") == 9,
            60, "nine events", 0.2)
        assert browser.run("return window.mark.isConnected")
        assert browser.run("return window.mark.previousSibling.querySelector("
                           "'button').getAttribute('aria-expanded')") == "true"
        browser.click("#events button[aria-expanded=true]")
        assert browser.text(".story") == ""
        check(browser)


def test_an_open_story_tells_what_comes_of_it(watched):
    chain = watched.chain
    gate = threading.Event()


    chain.pilot.reply = lambda request: refusal(110) \
        if not gate.is_set() else chain.pilot.ordinary_reply(request)
    chain.pay(uid=2001)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("to repeat", "#events")
        browser.click("#events button")
        browser.wait_text("transient", ".story")
        gate.set()
        browser.wait_text("SMS: done", "#events")
        wait_until(lambda: "transient" not in browser.text(".story"), 60,
                   "news in the story", 0.2)
        check(browser)


def test_a_story_is_opened_by_the_keyboard(watched):
    pay(watched, 1)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("payment", "#events")
        browser.run("document.querySelector('#events button').focus()")
        assert browser.run("return getComputedStyle(document.activeElement)"
                           ".cursor") == "pointer"
        browser.run("document.activeElement.click()")
        browser.wait_text("ivanov1", ".story")


def test_doubtful_and_dead_ones_stand_there_with_the_command(watched):
    chain = watched.chain
    chain.pilot.reply = lambda request: Reply(status=500) \
        if request.params["to"].endswith("1") else refusal(211)
    chain.pay(uid=2001)
    chain.pay(uid=2002)
    chain.wait_settled(2)
    with Browser(language="ru") as browser:
        browser.open(watched.url)
        browser.wait_text("Сомнительных: 1", "#health")
        browser.wait_text("Окончательно отказано: 1", "#health")
        troubles = browser.text("#troubles")
        for word in ["сомнительно", "отказ", "mbevctl", "79*****4501",
                     "79*****4502"]:
            assert word in troubles
        assert "79001234501" not in browser.text()
        check(browser)


def test_what_a_stranger_wrote_is_text(watched):
    evil = "<img src=x onerror=document.title=1><b>bold</b>{0}"
    watched.chain.db.sql("INSERT INTO bugh_plategi_stat SET uid=2001,"
                         " date=NOW(), who=1, bughtypeid=5, before_billing=0,"
                         f" summa=5, comment='{evil}'", "mikbill")
    watched.chain.wait_settled(1)
    ours(watched.chain, f"UPDATE delivery SET state='dead', reason='{evil}'")
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("<b>bold</b>", "#troubles")
        browser.click("#events button")
        browser.wait_text("<img src=x", ".story")
        assert browser.run("return document.querySelectorAll('img').length"
                           ) == 0
        assert browser.run("return document.title") == "mikbill-events"
        check(browser)


def test_the_chart_has_its_numbers_as_text(watched):
    day(watched)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("a bar is half an hour", "#chart")
        assert browser.run("return document.querySelectorAll('svg rect')"
                           ".length") > 50
        browser.click("summary")
        rows = browser.run("return [...document.querySelectorAll('#numbers"
                           " tbody tr')].map(r => r.innerText)")
        assert 40 < len(rows) <= 48
        check(browser)


def test_a_held_and_a_paused_channel_are_told(watched):
    chain = watched.chain
    chain.service.stop()
    chain.reconfigure(with_settings(chain.settings, notice={"hold": "1 h"}))
    chain.pilot.reply = lambda request: refusal(105)
    watched.start()
    chain.pay(uid=2001)
    ours(chain, "REPLACE INTO pause SET lane='smsc', since_utc="
                "UTC_TIMESTAMP(), who='ann@host'")
    try:
        with Browser() as browser:
            browser.open(watched.url)
            browser.wait_text("SMSPilot is left alone", "#health")
            browser.wait_text("mbevctl resume smsc", "#health")
            browser.wait_text("held, again in", "#lanes")
            browser.wait_text("paused", "#lanes")
            check(browser)
    finally:
        ours(chain, "DELETE FROM pause")


def test_it_says_that_the_database_is_away_and_is_back(watched, hurt):
    pay(watched, 2)
    with Browser(language="ru") as browser:
        browser.open(watched.url)
        browser.wait_text(WELL["ru"])
        watched.chain.db.kill()
        browser.wait_text("База данных недоступна", "#health")
        assert "платёж" in browser.text("#events"), "the last that was known"
        check(browser)
        watched.chain.db.start()
        browser.wait_text(WELL["ru"], timeout=120)


def test_it_says_that_the_service_does_not_answer(watched):
    pay(watched, 1)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text(WELL["en"])
        watched.chain.service.stop()
        browser.wait_text("The service does not answer", "#health")
        assert "payment" in browser.text("#events")
        watched.start()
        browser.wait_text(WELL["en"])


# ---- the pictures of the manual ----


def test_pictures(watched):
    """What the manual shows: a day with a little of everything."""
    chain = watched.chain
    day(watched)
    chain.pilot.reply = lambda request: {
        "1": Reply(status=500), "2": refusal(211)}.get(
            request.params["to"][-1], None) or \
        chain.pilot.ordinary_reply(request)
    for n in range(14):
        chain.pay(uid=2001 + n, summa=100 + 37.5 * (n % 7))
        if n == 9:
            chain.db.sql("UPDATE users SET sms_tel = '' WHERE uid = 2013",
                         "mikbill")
    chain.wait_settled(14)
    with Browser() as browser:
        browser.open(watched.url)
        browser.wait_text("Doubtful", "#health")
        browser.click("#events button", 2)
        browser.wait_text("captured", ".story")
        save(browser, "status-desktop-light", True)
        check(browser)
        browser.see(dark=True)
        browser.click("#lang")
        save(browser, "status-desktop-dark")
        browser.see(**PHONE, dark=False)
        save(browser, "status-phone-light")
        browser.see(dark=True)
        save(browser, "status-phone-dark", top=browser.run(
            "return document.getElementById('h-events').getBoundingClientRect()"
            ".top + scrollY - 12"))
        check(browser)
