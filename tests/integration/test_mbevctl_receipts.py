"""mbevctl receipts, and what show and status say of them, as an accountant
and an administrator see it."""

import os
import pty
import re
import subprocess
from datetime import datetime, timedelta

import pytest

from harness.komtet import in_turn, refuse
from harness.process import wait_until
from harness.product import build_dir, with_settings
from harness.standin import close_without_reply
from integration.test_mbevctl import ctl, event_id, fields

TILL_SAYS = "касса не отвечает"


@pytest.fixture
def shop(chain, till):
    """The chain with receipts switched on, and nothing else."""
    chain.reconfigure(with_settings(
        chain.settings, payment={"sms": "no"},
        receipt={"payments": "yes", "refunds": "yes", "look_first": "100 ms",
                 "look_longest": "200 ms", "email": "yes"},
        komtet={"url": till.url, "rate": "1000", "connections": "8",
                "retry_first": "100 ms", "retry_longest": "200 ms"}))
    chain.db.sql("DELETE FROM receipt; DELETE FROM till", "mikbill_events")
    chain.db.sql("DROP TABLE IF EXISTS receipts_log", "mikbill")
    chain.subscriber()
    return chain


def receipts(chain, columns="stage", where="1"):
    """Rows of table receipt, by id."""
    return chain.db.sql(f"SELECT {columns} FROM receipt WHERE {where}"
                        " ORDER BY id", "mikbill_events")


def wait_stages(chain, *stages):
    """Wait until the receipts have just these stages."""
    try:
        wait_until(lambda: [s for (s,) in receipts(chain)] == list(stages),
                   15, "")
    except TimeoutError:
        raise TimeoutError(f"stages are {receipts(chain, 'stage, error')}\n"
                           f"{chain.service.log_text()[-2000:]}") from None


def numbers(chain):
    """The numbers that were taken, in order."""
    return [number for (number,) in receipts(chain, "number")]


def today():
    """The billing's date."""
    return f"{datetime.now():%Y-%m-%d}"


def make(chain, number, kopecks, back=0, stage="done", at="", **columns):
    """A row of table receipt that no service made."""
    told = {"event_id": 1, "uid": 1001, "log_table": "receipts_log",
            "log_id": number, "contact": "+79001234567", "day": today(),
            "fiscal_t": at, **columns}
    chain.db.sql(
        f"INSERT INTO receipt SET number='{number}', kopecks={kopecks},"
        f" back={back}, stage='{stage}', created_utc=UTC_TIMESTAMP(3),"
        + ",".join(f"{k}='{v}'" for k, v in told.items()), "mikbill_events")


def row_of(text, word):
    """The cells of the first line that begins with this word."""
    return next(line.split() for line in text.splitlines()
                if line.split()[:1] == [word])


def table_of(text):
    """The lines of an answer's first table, as cells."""
    return [re.split(" {2,}", line.strip())
            for line in text.split("\n\n", 1)[0].splitlines()]


def failed_at_the_till(shop, till, n=1):
    """Receipts that the till refused; the service goes on."""
    till.fail(lambda entry: True, TILL_SAYS)
    shop.start()
    for _ in range(n):
        shop.pay()
    wait_stages(shop, *["failed"] * n)
    till.mend()
    return numbers(shop)


def refused_by_komtet(shop, till, n=1):
    """Receipts that komtet refused; nothing runs."""
    till.post_reply = refuse()
    for _ in range(n):
        shop.pay()
    assert shop.service.once() == 0
    assert [s for (s,) in receipts(shop)] == ["refused"] * n
    till.behave()
    return numbers(shop)


def id_unknown(shop, till):
    """A receipt that komtet has under an id that nobody knows."""
    till.post_reply = in_turn(till.accept_but(close_without_reply),
                              till.honest)
    till.fiscal_after = None
    shop.start()
    shop.pay()
    wait_stages(shop, "accepted")
    (task_id,), = receipts(shop, "task_id")
    assert task_id is None
    shop.service.stop()
    return numbers(shop)[0]


def doubtful(shop, till):
    """A receipt that komtet refused after a reply was lost."""
    till.post_reply = in_turn(close_without_reply, refuse())
    shop.start()
    shop.pay()
    wait_stages(shop, "doubtful")
    shop.service.stop()
    till.behave()
    return numbers(shop)[0]


def decide_and_wait(shop, *stages):
    """A service that starts now decides what is to be made again."""
    if shop.service.running:
        shop.service.stop()
    shop.start()
    wait_stages(shop, *stages)


# ---- by day ----

def test_no_receipts_at_all(shop):
    done = ctl(shop, "receipts")
    assert done.returncode == 0 and done.stderr == ""
    assert table_of(done.stdout) == [
        ["day", "sold", "sum", "given back", "sum"],
        ["total", "0", "0.00", "0", "0.00"]]
    assert "receipts" not in fields(ctl(shop, "status").stdout)


def test_a_day_adds_up_to_the_kopeck(shop, till):
    sums = ["0.01", "99999999.99", "0.1", "0.2", "1234567.89", "10"]
    for summa in sums:
        shop.pay(summa=summa)
    shop.pay(summa="-0.03", kind=7)
    shop.pay(summa="-4000000.07", kind=7)
    shop.start()
    wait_stages(shop, *["done"] * 8)
    sold, back = till.totals("done")["sell"], till.totals("done")["sellReturn"]
    assert sold == (6, 10123457819) and back == (2, 400000010)
    done = ctl(shop, "receipts")
    assert table_of(done.stdout)[1:] == [
        [today(), "6", "101234578.19", "2", "4000000.10"],
        ["total", "6", "101234578.19", "2", "4000000.10"]]
    assert "not fiscal" not in done.stdout


def test_a_sum_that_no_float_can_hold(shop):
    make(shop, 1, 9007199254740993)
    make(shop, 2, 1)
    assert row_of(ctl(shop, "receipts").stdout, "total")[1:3] == \
        ["2", "90071992547409.94"]


def test_the_day_is_that_of_the_till(shop):
    yesterday = datetime.now() - timedelta(days=1)
    make(shop, 1, 100, at=f"{yesterday:%Y%m%d}T2359")
    make(shop, 2, 200, at=f"{yesterday:%Y%m%d}")
    make(shop, 3, 400)
    for number, wrong in enumerate(["20260231T1200", "20261399T0000",
                                    "2026-11-25", "soon", "00000000T0000"]):
        make(shop, 10 + number, 800, at=wrong)
    make(shop, 4, 1600, stage="failed", at=f"{yesterday:%Y%m%d}T2359")
    table = table_of(ctl(shop, "receipts").stdout)
    assert table[1][:3] == [f"{yesterday:%Y-%m-%d}", "2", "3.00"]
    assert table[2][:3] == [today(), "6", "44.00"]


def test_a_till_that_was_off_for_weeks(shop):
    make(shop, 1, 100, at=datetime.now().strftime("%Y%m%dT%H%M"),
         day=f"{datetime.now() - timedelta(days=100):%Y-%m-%d}")
    assert row_of(ctl(shop, "receipts").stdout, today())[1:3] == ["1", "1.00"]


def test_columns_for_what_is_not_done_where_there_is_any(shop):
    make(shop, 1, 100, stage="new")
    make(shop, 2, 250, back=1, stage="accepted")
    make(shop, 3, 400, stage="doubtful")
    make(shop, 4, 800, stage="burnt")
    make(shop, 5, 1600, stage="replaced")
    make(shop, 6, 3200, stage="closed")
    table = table_of(ctl(shop, "receipts").stdout)
    assert table[0] == ["day", "sold", "sum", "given back", "sum", "open",
                        "sum", "in error", "sum", "closed", "sum", "void",
                        "sum"]
    assert table[1][1:] == ["0", "0.00", "0", "0.00", "2", "-1.50", "1",
                            "4.00", "1", "32.00", "2", "24.00"]


def test_thirty_one_days_and_no_more(shop):
    for ago in range(40):
        day = datetime.now() - timedelta(days=ago)
        make(shop, ago, 100, at=f"{day:%Y%m%dT%H%M}", day=f"{day:%Y-%m-%d}")
    table = table_of(ctl(shop, "receipts").stdout)
    assert len(table) == 33 and table[-2][0] == today()
    assert table[-1][:3] == ["total", "31", "31.00"]


def test_a_month(shop):
    for number, at in enumerate(["20240131T2359", "20240201T0000",
                                 "20240229T2359", "20240301T0000"]):
        make(shop, number, 100 << number, at=at, day="2024-02-10")
    make(shop, 9, 5, stage="failed", day="2024-01-10")
    done = ctl(shop, "receipts", "2024-02")
    assert [row[:3] for row in table_of(done.stdout)[1:]] == [
        ["2024-02-01", "1", "2.00"], ["2024-02-29", "1", "4.00"],
        ["total", "2", "6.00"]]
    assert "the till refused it" in done.stdout


def test_words_that_are_no_days(shop):
    for words in (["2026-13"], ["2026-02-30"], ["2026-1"], ["2026-11-25x"],
                  ["2026-11-25", "2026-11-26"], ["lost"], ["retry"],
                  ["close"], ["retry", "1", "2"], ["retry", "--yes"],
                  ["2026-11", "--force"], ["retry", "1", "--yes", "2"],
                  ["2026-11-25 10:00:00"]):
        done = ctl(shop, "receipts", *words)
        assert done.returncode == 64 and done.stdout == "", words
        assert "mbevctl" in done.stderr


def test_another_sum_at_the_till_is_told(shop):
    now = datetime.now().strftime("%Y%m%dT%H%M")
    make(shop, 1, 100, at=now, fiscal_kopecks=100)
    make(shop, 2, 301, at=now, fiscal_kopecks=300)
    done = ctl(shop, "receipts")
    assert row_of(done.stdout, today())[1:3] == ["2", "4.01"]
    assert "the till has another sum" in done.stdout
    assert row_of(done.stdout, "1") == ["1", "3.01", "3.00"]
    day = ctl(shop, "receipts", today()).stdout
    assert row_of(day, "2")[4:6] == ["3.00", "1001"]
    assert row_of(day, "1")[4] == "1001"


# ---- what needs somebody ----

def test_what_is_open_says_where_it_is(shop, till):
    till.fiscal_after = None
    shop.pay(summa="350.50")
    assert shop.service.once() == 0
    done = ctl(shop, "receipts")
    number, = numbers(shop)
    (event, uid, contact), = receipts(shop, "event_id, uid, contact")
    line = next(one for one in done.stdout.splitlines()
                if one.startswith(number))
    assert re.split(" {2,}", line)[:7] == [
        number, str(event), str(uid), "sell", "350.50", contact,
        "at the till"]
    assert row_of(done.stdout, today())[1:] == [
        "0", "0.00", "0", "0.00", "1", "350.50"]


def test_what_waits_without_an_account_says_so(shop):
    shop.reconfigure(with_settings(shop.settings, komtet={"shop": ""}))
    shop.pay()
    assert shop.service.once() == 0
    done = ctl(shop, "receipts")
    assert "waits to be sent" in done.stdout and "[komtet]" in done.stdout
    assert "1 wait to be sent" in ctl(shop, "status").stdout


@pytest.mark.parametrize("arrange, words", [
    (id_unknown, "komtet has it, id unknown"),
    (doubtful, "refused, but komtet may have it"),
    (refused_by_komtet, "komtet refused it"),
    (failed_at_the_till, "the till refused it")])
def test_stages_in_words(shop, till, arrange, words):
    arrange(shop, till)
    assert words in ctl(shop, "receipts").stdout


def test_the_newest_hundred_of_what_is_open(shop):
    for number in range(103):
        make(shop, 1000 + number, 100, stage="failed")
    done = ctl(shop, "receipts").stdout
    assert "(the 100 newest of 103)" in done
    assert "1002 " not in done and "1003 " in done
    assert done.index("\n1003 ") < done.index("\n1102 ")


def test_what_is_not_decided_yet_is_counted(shop):
    shop.reconfigure(with_settings(shop.settings, receipt={"after": "1 h"}))
    shop.pay()
    assert shop.service.once() == 0
    assert "1 receipts are not decided yet and have no number; 0 of them" in \
        ctl(shop, "receipts").stdout
    shop.db.sql("UPDATE delivery SET state='doubtful'", "mikbill_events")
    assert "1 of them need the operator" in ctl(shop, "receipts").stdout
    assert "1 must be decided by the operator" in ctl(shop, "status").stdout


def test_hostile_words_are_escaped(shop, till):
    till.fail(lambda entry: True, "\x1b[31mred\n")
    shop.start().pay()
    wait_stages(shop, "failed")
    shop.db.sql("UPDATE receipt SET contact='a\x1b[1m', fiscal_i='\x07',"
                " task_state='\x1b[2m', link='\x1b]0;x'", "mikbill_events")
    number, = numbers(shop)
    for words in (["receipts"], ["receipts", today()],
                  ["show", str(event_id(shop))],
                  ["receipts", "retry", number, "--yes"]):
        done = ctl(shop, *words)
        assert done.returncode == 0
        assert not set("\x1b\x07") & set(done.stdout + done.stderr)
        assert r"\x1b" in done.stdout


# ---- every receipt of a day ----

def test_a_day_lists_each_receipt_with_its_fiscal_data(shop, till):
    shop.pay(summa="1.50")
    shop.pay(summa="-0.50", kind=7)
    shop.start()
    wait_stages(shop, "done", "done")
    done = ctl(shop, "receipts", today())
    first, second = till.receipts
    line = re.split(" {2,}", next(
        one for one in done.stdout.splitlines()
        if one.startswith(first.external_id)))
    time = f"{first.fiscal['t'][9:11]}:{first.fiscal['t'][11:]}"
    assert line[:4] == [first.external_id, time, "sell", "1.50"]
    assert line[-6:] == ["1001", "+79001234567", "fiscal", first.fiscal["i"],
                         first.fiscal["fp"], first.fiscal["fn"]]
    assert f"{second.external_id}  " in done.stdout
    totals = done.stdout.split("\n\n")[1].splitlines()
    assert [re.split(" {2,}", one.strip()) for one in totals] == [
        ["total", "receipts", "sum"], ["sold", "1", "1.50"],
        ["given back", "1", "0.50"]]


def test_a_day_lists_also_what_is_not_done(shop):
    make(shop, 1, 100, stage="burnt")
    make(shop, 2, 100, stage="replaced")
    make(shop, 3, 100, stage="closed", back=1)
    make(shop, 4, 100, stage="new", day="2024-01-01")
    done = ctl(shop, "receipts", today()).stdout
    assert "the number is somebody else's" in done
    assert "made again under another number" in done
    assert "closed by the operator" in done
    assert [line for line in done.splitlines() if line.startswith("4")] == []
    assert row_of(done, "void") == ["void", "2", "2.00"]
    assert row_of(done, "closed") == ["closed", "1", "-1.00"]


# ---- made again ----

def test_what_the_till_refused_is_made_again_once(shop, till):
    first, = failed_at_the_till(shop, till)
    done = ctl(shop, "receipts", "retry", first, "--yes")
    assert done.returncode == 0 and done.stderr == ""
    assert f"receipt {first}: the service makes it again" in done.stdout
    assert receipts(shop)[0] == ("replaced",)
    wait_stages(shop, "replaced", "done")
    assert [(one.external_id, one.state) for one in till.receipts] == [
        (numbers(shop)[0], "error"), (numbers(shop)[1], "done")]
    assert shop.states() == ["done"]
    again = ctl(shop, "receipts", "retry", first, "--yes")
    assert again.returncode == 65 and "made again already" in again.stderr
    assert row_of(ctl(shop, "receipts").stdout, today())[1:] == [
        "1", "100.00", "0", "0.00", "1", "100.00"]


def test_all_that_komtet_refused_is_made_again(shop, till):
    refused_by_komtet(shop, till, 3)
    done = ctl(shop, "receipts", "retry", "all", "--yes")
    assert done.returncode == 0
    assert done.stdout.count("the service makes it again") == 3
    assert shop.service.once() == 0
    assert len(set(numbers(shop))) == 6
    assert sorted(one.external_id for one in till.receipts) == \
        sorted(numbers(shop)[3:])
    assert [s for (s,) in receipts(shop)][:3] == ["replaced"] * 3
    done = ctl(shop, "receipts", "retry", "all", "--yes")
    assert done.returncode == 0 and "nothing is to be made" in done.stdout


def test_the_settings_of_today_count(shop, till):
    number, = refused_by_komtet(shop, till)
    assert ctl(shop, "receipts", "retry", number, "--yes").returncode == 0
    shop.reconfigure(with_settings(shop.settings,
                                   receipt={"vat": "20", "name": "Связь"}))
    assert shop.service.once() == 0
    position, = till.receipts[0].json["positions"]
    assert (position["vat"], position["name"]) == ("20", "Связь")


def test_what_komtet_has_is_not_made_again(shop, till):
    till.fiscal_after = None
    shop.pay()
    assert shop.service.once() == 0
    number, = numbers(shop)
    done = ctl(shop, "receipts", "retry", number, "--yes")
    assert done.returncode == 65 and done.stdout == ""
    assert "komtet has it, a second receipt would be made" in done.stderr
    assert receipts(shop) == [("accepted",)] and shop.states() == ["done"]


@pytest.mark.parametrize("stage", ["new", "done", "burnt", "closed"])
def test_other_stages_are_not_made_again(shop, stage):
    make(shop, 1, 100, stage=stage)
    done = ctl(shop, "receipts", "retry", "1", "--yes")
    assert done.returncode == 65 and "is not made again: " in done.stderr
    assert receipts(shop) == [(stage,)]


@pytest.mark.parametrize("stage", ["done", "burnt", "replaced", "closed"])
def test_other_stages_are_not_closed(shop, stage):
    make(shop, 1, 100, stage=stage)
    done = ctl(shop, "receipts", "close", "1", "--yes")
    assert done.returncode == 65 and "is not closed: " in done.stderr
    assert receipts(shop) == [(stage,)]


def test_one_that_waits_is_closed_and_does_not_go_out(shop, till):
    till.stop()
    shop.pay()
    assert shop.service.once() == 0
    number, = numbers(shop)
    assert ctl(shop, "receipts", "close", number, "--yes").returncode == 0
    assert receipts(shop) == [("closed",)] and shop.states() == ["cancelled"]
    till.start()
    shop.pay(summa=5)
    decide_and_wait(shop, "closed", "done")
    assert [one.kopecks for one in till.receipts] == [500]


def test_one_that_is_being_sent_is_not_closed(shop, till):
    number, = refused_by_komtet(shop, till)
    shop.db.sql("UPDATE delivery SET state='calling'", "mikbill_events")
    done = ctl(shop, "receipts", "close", number, "--yes")
    assert done.returncode == 65 and "being sent just now" in done.stderr
    assert receipts(shop) == [("refused",)]


def test_one_that_the_rules_do_not_make_again_is_listed(shop, till):
    number, = refused_by_komtet(shop, till)
    till.behave()
    shop.db.sql("UPDATE users SET sms_tel = ''", "mikbill")
    assert ctl(shop, "receipts", "retry", number, "--yes").returncode == 0
    assert shop.service.once() == 0
    assert shop.states() == ["skipped"] and till.receipts == []
    listed = ctl(shop, "receipts").stdout
    assert "NOT made again: skipped" in listed and "has no phone" in listed


def test_only_the_latest_of_an_event_is_made_again(shop, till):
    number, = refused_by_komtet(shop, till)
    make(shop, 2, 100, stage="burnt", event_id=event_id(shop))
    done = ctl(shop, "receipts", "retry", number, "--yes")
    assert done.returncode == 65 and "another number" in done.stderr


def test_one_whose_call_is_under_way_is_not_made_again(shop, till):
    number, = refused_by_komtet(shop, till)
    shop.db.sql("UPDATE delivery SET state='calling'", "mikbill_events")
    done = ctl(shop, "receipts", "retry", number, "--yes")
    assert done.returncode == 65 and "being sent just now" in done.stderr
    assert ctl(shop, "receipts", "retry", "all", "--yes").returncode == 65


def test_a_doubtful_one_is_made_again_by_its_number_alone(shop, till):
    number = doubtful(shop, till)
    done = ctl(shop, "receipts", "retry", "all", "--yes")
    assert "nothing is to be made again" in done.stdout
    assert receipts(shop) == [("doubtful",)]
    assert ctl(shop, "receipts", "retry", number, "--yes").returncode == 0
    decide_and_wait(shop, "replaced", "done")
    assert [one.external_id for one in till.receipts] == numbers(shop)[1:]


def test_no_such_number(shop):
    for verb in "retry", "close":
        done = ctl(shop, "receipts", verb, "26119'; --", "--yes")
        assert done.returncode == 66 and "no receipt" in done.stderr


def test_the_newest_of_two_with_one_number(shop):
    make(shop, 7, 100, stage="failed")
    make(shop, 7, 200, stage="failed", log_table="__komtet_receipts_log",
         event_id=2)
    done = ctl(shop, "receipts", "close", "7", "--yes")
    assert done.returncode == 0
    assert "2 receipts have this number; this is the newest" in done.stderr
    assert receipts(shop) == [("failed",), ("closed",)]


def test_a_number_made_again_is_another_one_for_the_journal(shop, till):
    """A server that keeps commits in memory: attempts stand in our journal,
    too, and those of the last number are not those of the next."""
    shop.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    try:
        first, = failed_at_the_till(shop, till)
        till.occupy(int(first) + 1)
        assert ctl(shop, "receipts", "retry", first, "--yes").returncode == 0
        decide_and_wait(shop, "replaced", "burnt", "done")
    finally:
        shop.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


# ---- closed ----

def test_an_unknown_id_is_closed(shop, till):
    number = id_unknown(shop, till)
    done = ctl(shop, "receipts", "close", number, "--yes")
    assert done.returncode == 0 and "closed" in done.stdout
    assert receipts(shop, "stage, look_utc, ended_utc IS NULL") == [
        ("closed", None, 0)]
    assert shop.states() == ["done"]
    assert "ALARM" not in ctl(shop, "status").stdout
    assert "not fiscal" not in ctl(shop, "receipts").stdout


def test_one_at_the_till_is_closed_and_not_asked_about_any_more(shop, till):
    till.fiscal_after = None
    shop.start().pay()
    wait_until(lambda: till.looks, 10, "a question")
    number, = numbers(shop)
    wait_stages(shop, "accepted")
    assert ctl(shop, "receipts", "close", number, "--yes").returncode == 0
    assert receipts(shop) == [("closed",)]


@pytest.mark.parametrize("arrange", [doubtful, refused_by_komtet,
                                     failed_at_the_till])
def test_what_went_wrong_is_closed_with_its_delivery(shop, till, arrange):
    arrange(shop, till)
    number, = numbers(shop)
    done = ctl(shop, "receipts", "close", number, "--yes")
    assert done.returncode == 0
    assert receipts(shop) == [("closed",)]
    assert shop.deliveries("state, reason") == [
        ("cancelled", "closed by the operator")]
    assert shop.service.running or shop.service.once() == 0
    assert ctl(shop, "receipts", "retry", number, "--yes").returncode == 65
    assert len(till.receipts) <= 1


# ---- asking ----

def test_without_a_terminal_yes_is_needed(shop, till):
    number, = refused_by_komtet(shop, till)
    for words in (["retry", number], ["retry", "all"], ["close", number]):
        done = subprocess.run(
            [build_dir() / "mbevctl", "-c", shop.service.config, "receipts",
             *words], text=True, capture_output=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 64 and "--yes" in done.stderr
        assert number in done.stdout
    assert receipts(shop) == [("refused",)]


def answer(shop, words, text):
    """Run it at a terminal and type an answer: (exit code, what it said)."""
    master, slave = pty.openpty()
    with subprocess.Popen(
            [build_dir() / "mbevctl", "-c", shop.service.config, "receipts",
             *words], stdin=slave, stdout=subprocess.PIPE, text=True) as run:
        os.write(master, text)
        said, _ = run.communicate(timeout=60)
    os.close(slave)
    os.close(master)
    return run.returncode, said


@pytest.mark.parametrize("text, code, stage", [
    (b"n\n", 77, "refused"), (b"\n", 77, "refused"), (b"\x04", 77, "refused"),
    (b"yes\n", 0, "replaced"), (b"Y\n", 0, "replaced")])
def test_at_a_terminal_it_asks(shop, till, text, code, stage):
    number, = refused_by_komtet(shop, till)
    ended, said = answer(shop, ["retry", number], text)
    assert ended == code and receipts(shop) == [(stage,)]
    assert "make again, under another number? [y/N]" in said
    assert "100.00" in said and "komtet refused it" in said


def test_of_a_doubtful_one_it_warns(shop, till):
    number = doubtful(shop, till)
    ended, said = answer(shop, ["retry", number], b"n\n")
    assert ended == 77 and "look for it in the cabinet first" in said


# ---- whose account ----

@pytest.fixture
def reader(shop, till):
    """A receipt that komtet refused, and the account of monitoring."""
    number, = refused_by_komtet(shop, till)
    shop.db.sql("SET PASSWORD FOR 'mbev_reader'@'localhost'"
                " = PASSWORD('reader-secret')")
    shop.reconfigure(with_settings(shop.settings, komtet={"secret": ""},
                                   database={"user": "mbev_reader",
                                             "password": "reader-secret"}))
    return number


def test_a_reader_lists(shop, reader):
    for words in ["receipts"], ["receipts", today()], ["status"]:
        done = ctl(shop, *words)
        assert done.stderr == "" and "refused" in done.stdout
    assert reader in ctl(shop, "receipts").stdout


@pytest.mark.parametrize("verb", ["retry", "close"])
def test_a_reader_changes_nothing(shop, reader, verb):
    done = ctl(shop, "receipts", verb, reader, "--yes")
    assert done.returncode == 69
    assert "the database refuses: " in done.stderr
    assert "mbev_reader" in done.stderr and "denied" in done.stderr
    assert receipts(shop) == [("refused",)] and shop.states() == ["dead"]


def test_a_row_that_somebody_holds(shop, till):
    number, = refused_by_komtet(shop, till)
    with shop.db.connect("mikbill_events", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("UPDATE delivery SET reason = 'held'")
        done = ctl(shop, "receipts", "retry", number, "--yes")
        assert done.returncode == 69 and "ock wait" in done.stderr
        link.rollback()
    assert receipts(shop) == [("refused",)]


# ---- show and status ----

def test_show_lists_every_number_of_an_event(shop, till):
    shop.pay(summa="12.34")
    till.fiscal_after = None
    assert shop.service.once() == 0
    first, = numbers(shop)
    till.fail(first, TILL_SAYS)
    till.finish(first)
    shop.start()
    wait_stages(shop, "failed")
    assert ctl(shop, "receipts", "retry", first, "--yes").returncode == 0
    till.fiscal_after = 0
    decide_and_wait(shop, "replaced", "done")
    done = ctl(shop, "show", str(event_id(shop)))
    entry = till.receipts[1]
    got = fields(done.stdout)
    assert got["state"] == "done: komtet has accepted it"
    assert got["request"] == entry.body.decode().replace("\\", "\\\\")
    assert "text" not in got and "sms_logs" not in got
    assert re.findall(r"number: +(\S+)\n    stage: +(\w+)", done.stdout) == [
        (first, "replaced"), (entry.external_id, "done")]
    assert f"the till refused it: {TILL_SAYS}" in done.stdout
    assert got["sum"] == "12.34" and got["till's sum"] == "12.34"
    assert got["kind"] == got["till's kind"] == "sell"
    assert got["task"] == str(entry.task_id) and got["task state"] == "done"
    assert got["document"] == entry.fiscal["i"]
    assert got["fiscal sign"] == entry.fiscal["fp"]
    assert got["drive"] == entry.fiscal["fn"]
    assert got["shift"] == f"1, receipt {entry.fiscal['shn']}"
    assert got["link"].startswith("https://kassa.komtet.ru/")
    assert got["listed as"].startswith("receipts_log.id ")
    assert got["taken"].endswith(" UTC") and got["ended"].endswith(" UTC")


def test_show_of_a_doubtful_receipt(shop, till):
    doubtful(shop, till)
    got = fields(ctl(shop, "show", str(event_id(shop))).stdout)
    assert got["state"].startswith("doubtful: refused, but an earlier try")
    assert got["ask"].startswith("yes: an earlier try may have been accepted")


def test_status_counts_receipts(shop, till):
    make(shop, 1, 100, stage="done")
    assert "all are fiscal, or closed" in ctl(shop, "status").stdout
    for number, stage in enumerate(["new", "new", "accepted", "failed",
                                    "refused", "doubtful", "burnt"]):
        make(shop, 10 + number, 100, stage=stage)
    make(shop, 20, 100, stage="accepted", task_id=90001)
    assert ("receipts     2 wait to be sent, 1 at the till, 1 at komtet with"
            " an unknown id, 1 refused by the till, 1 refused by komtet,"
            " 1 doubtful\n") in ctl(shop, "status").stdout
    assert "ALARM" not in ctl(shop, "status").stdout
    assert "TILL OFF" not in ctl(shop, "status").stdout
    assert till.receipts == []


def test_status_raises_an_alarm(shop):
    make(shop, 1, 100, stage="accepted")
    make(shop, 2, 100, stage="failed")
    shop.db.sql("UPDATE receipt SET created_utc=UTC_TIMESTAMP(3)"
                " - INTERVAL 25 HOUR", "mikbill_events")
    (since,), = receipts(shop, "created_utc", "number='1'")
    assert (f"ALARM        1 receipt is not fiscal after 24 h, the oldest"
            f" since {since:%Y-%m-%d %H:%M}") in ctl(shop, "status").stdout
    shop.reconfigure(with_settings(shop.settings,
                                   receipt={"alarm": "26 h"}))
    assert "ALARM" not in ctl(shop, "status").stdout


def test_status_tells_that_the_till_is_off(shop, till):
    till.queue_state = "passive"
    till.open_state = "wait"
    shop.start().pay()
    shop.service.wait_log("switched off")
    wait_until(lambda: shop.db.sql("SELECT 1 FROM till", "mikbill_events"),
               10, "the till's row")
    said = ctl(shop, "status").stdout
    assert "TILL OFF     queue 777 was switched off" in said
    assert "1 at the till" in said


def test_a_schema_without_receipts_is_told(shop):
    shop.db.sql("RENAME TABLE receipt TO away", "mikbill_events")
    try:
        for words in ["receipts"], ["status"]:
            done = ctl(shop, *words)
            assert done.returncode == 69 and "1146" in done.stderr
    finally:
        shop.db.sql("RENAME TABLE away TO receipt", "mikbill_events")
