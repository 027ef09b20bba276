"""What crashes the service is set aside after three crashes, and takes no
neighbour along; what a kill ends is nobody's fault."""

import re
import signal

import pytest

from harness.process import wait_until
from harness.product import with_settings
from harness.radius import RadiusNas
from harness.routeros import RouterOS
from harness.server import free_port
from harness.standin import Gate
from integration.receipts import make_kassa
from integration.sessions import nas, reasons, resets, table
from integration.test_reconcile import unseen
from integration.test_mbevctl import ctl, settings_of

MOST_STARTS = 25
PUBLIC = "https://billing.example.com/komtet"
SECRET = "R4dius-s3cret"


def own_folder(chain):
    """A state folder of the test's own."""
    folder = chain.service.folder / "state"
    folder.mkdir()
    chain.reconfigure(with_settings(chain.settings,
                                    service={"state_dir": folder}))
    return chain


def book(chain):
    """The file of crashes."""
    return chain.service.folder / "state" / "crashes"


def lines(chain, word=r"\d+"):
    """What the lines of the book are about that begin so."""
    text = book(chain).read_text("ascii") if book(chain).exists() else ""
    return re.findall(rf"^\d+ {word} \S+ (.*)$", text, re.MULTILINE)


@pytest.fixture(name="chain")
def fixture_chain(chain):
    """The chain with a folder of its own."""
    return own_folder(chain)


@pytest.fixture(name="smsc_chain")
def fixture_smsc_chain(chain, smsc):
    """Its notices go by SMSC, which is asked soon."""
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "100 ms"},
                payment={"channels": "smsc"})
    return chain


@pytest.fixture(name="kassa")
def fixture_kassa(installed, pilot, till, smsc):
    """A chain with receipts, and messages by SMSC, in a folder of its own."""
    for kassa in make_kassa(installed, pilot, till):
        settings_of(kassa, smsc={"url": smsc.url, "ask_after": "100 ms"},
                    payment={"channels": "smsc"})
        yield own_folder(kassa)


def ended(service):
    """How it ended; None: it runs."""
    # pylint: disable-next=protected-access
    return service._process.poll()


def wait_to_end(chain, until=lambda: False):
    """Wait until that holds, or the service has ended."""
    try:
        wait_until(lambda: ended(chain.service) is not None or until(), 30,
                   "end")
    except TimeoutError as error:
        rows = chain.deliveries("action, state, reason")
        raise TimeoutError(f"{error}: {rows}\n"
                           f"{chain.service.log_text()[-3000:]}") from None


def run_on(chain, until, fault=None):
    """Start the service again and again until that holds and it runs; how
    many times it ended before."""
    env = chain.service.env
    env.pop("MBEV_FAULT", None)
    if fault:
        env["MBEV_FAULT"] = fault
    for crashes in range(MOST_STARTS):
        chain.service.start()
        wait_to_end(chain, until)
        if ended(chain.service) is None:
            return crashes
        assert ended(chain.service) != 0
    raise AssertionError(f"it still ends:\n{chain.service.log_text()[-3000:]}")


def settled(chain, *states):
    """The deliveries have these states, in the order of their ids."""
    return lambda: chain.states() == list(states)


def phones(chain):
    """To whom something was sent."""
    return sorted(phone for phone, _ in chain.sent())


def three_payments(chain):
    """Of three subscribers, before the service runs."""
    for uid in (1, 2, 3):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        chain.pay(uid)


def row_of(chain, uid):
    """The id of a subscriber's row in the outbox."""
    ((number,),) = chain.db.sql(
        f"SELECT id FROM outbox WHERE body LIKE '%\"uid\":{uid},%'",
        "mikbill_events")
    return number


# ---- the outbox


def test_a_row_that_crashes_the_service_becomes_an_event_without_work(chain):
    three_payments(chain)
    fault = f"ingest.one@{row_of(chain, 2)}:crash:1+"
    assert run_on(chain, settled(chain, "done", "done"), fault) == 3
    assert phones(chain) == ["79000000001", "79000000003"]
    why = "the service crashed on it 3 times; see the README on crashes"
    events = chain.db.sql("SELECT problem FROM event ORDER BY id",
                          "mikbill_events")
    assert events == [(None,), (why,), (None,)]
    assert chain.db.sql("SELECT * FROM outbox", "mikbill_events") == []
    chain.service.wait_log(f"error ingest: outbox row .*{why}")
    ((event,),) = chain.db.sql(
        "SELECT id FROM event WHERE problem IS NOT NULL", "mikbill_events")
    assert why in ctl(chain, "show", str(event)).stdout
    assert len(lines(chain)) == 3


def test_a_row_that_crashes_the_service_when_it_is_captured_late_is_left(
        chain):
    """Its neighbour is captured."""
    settings_of(chain, service={"reconcile": "100 ms"})
    chain.subscriber()
    bad = unseen(chain)
    unseen(chain, summa=50)
    assert run_on(chain, settled(chain, "done"),
                  f"capture.one@{bad}:crash:1+") == 3
    assert [text for _, text in chain.sent()] == ["sub1001: 50.00 руб"]
    assert lines(chain) == [f"capture bugh_plategi_stat|{bad}"] * 3


def test_an_event_without_work_can_be_given_back_as_the_readme_says(chain):
    three_payments(chain)
    fault = f"ingest.one@{row_of(chain, 2)}:crash:1+"
    run_on(chain, settled(chain, "done", "done"), fault)
    chain.service.stop()
    chain.db.sql(
        "INSERT INTO outbox (captured_utc, kind, body) SELECT captured_utc,"
        " kind, body FROM event WHERE problem IS NOT NULL", "mikbill_events")
    assert run_on(chain, settled(chain, *["done"] * 3)) == 0
    assert phones(chain) == ["79000000001", "79000000002", "79000000003"]


def test_each_crash_is_told_at_the_next_start_and_once(chain):
    three_payments(chain)
    fault = f"ingest.one@{row_of(chain, 2)}:crash:1+"
    run_on(chain, settled(chain, "done", "done"), fault)
    chain.service.stop()
    chain.start()
    told = re.findall("error atwork: the last run crashed at .*in hand: "
                      "ingest .*: (.*)", chain.service.log_text())
    assert told == ["tried again, 1 of 3", "tried again, 2 of 3",
                    "3 crashes, it is set aside"]


def test_ten_kills_at_one_place_set_nothing_aside(smsc_chain, smsc):
    chain = smsc_chain
    three_payments(chain)
    for fault in (f"ingest.one@{row_of(chain, 2)}:kill:1+",
                  "sms@2:kill:1+", "post.replied@2:kill:1+"):
        chain.service.env["MBEV_FAULT"] = fault
        for _ in range(10):
            chain.service.start()
            wait_to_end(chain)
            assert ended(chain.service) == -signal.SIGKILL
    assert run_on(chain, settled(chain, *["done"] * 3)) == 0
    assert sorted(phone for phone, _ in smsc.taken) == [
        "79000000001", "79000000002", "79000000003"]
    assert lines(chain, r"\S+") == []


def test_a_row_with_an_id_that_comes_again_is_another_row(chain):
    three_payments(chain)
    number = row_of(chain, 2)
    fault = f"ingest.one@{number}:crash:1+"
    run_on(chain, settled(chain, "done", "done"), fault)
    chain.service.stop()
    chain.pay(2)
    chain.db.sql(f"UPDATE outbox SET id = {number}", "mikbill_events")
    assert run_on(chain, settled(chain, *["done"] * 3)) == 0


# ---- decisions


def everything_on(kassa):
    """A payment makes a message, a receipt and a bonus."""
    kassa.tariff()
    kassa.configure(payment={"sms": "yes"},
                    bonus_topup={"on": "yes", "comment": "за пополнение"})
    for uid in (1, 2):
        kassa.subscriber(uid, phone=f"7900000000{uid}")
        kassa.pay(uid, summa=3000)


@pytest.mark.parametrize("action", ["sms", "receipt", "bonus_topup"])
def test_an_action_that_crashes_the_service_is_left_to_the_operator(
        kassa, till, smsc, action):
    everything_on(kassa)

    def all_others_done():
        return sorted(kassa.states()) == ["done"] * 5 + ["doubtful"]
    assert run_on(kassa, all_others_done, f"{action}@1:crash:1+") == 3
    assert kassa.deliveries("action, reason", "state = 'doubtful'") == [(
        action, "the service crashed 3 times when it decided this; decide it"
        " by hand, or update the service and have it tried once more")]
    assert sorted(phone for phone, _ in smsc.taken) == (
        ["79000000002"] if action == "sms" else
        ["79000000001", "79000000002"])
    assert len(till.receipts) == (1 if action == "receipt" else 2)
    assert len(kassa.rows("misc_id", "addons_pay_api")) == (
        1 if action == "bonus_topup" else 2)
    kassa.service.wait_log(f"error decide: {action} of event .*is doubtful")


def again(chain, where="state = 'doubtful'"):
    """An operator wants it tried again."""
    chain.db.sql("UPDATE delivery SET state = 'ready',"
                 f" due_utc = UTC_TIMESTAMP(3) WHERE {where}",
                 "mikbill_events")


def test_what_was_set_aside_gets_one_try_more_each_time_it_is_wanted(kassa):
    everything_on(kassa)
    fault = "bonus_topup@1:crash:1+"

    def doubtful():
        return "doubtful" in kassa.states()
    assert run_on(kassa, doubtful, fault) == 3
    for _ in range(2):
        kassa.service.stop()
        again(kassa)
        assert run_on(kassa, doubtful, fault) == 1
    kassa.service.stop()
    again(kassa)
    assert run_on(kassa, settled(kassa, *["done"] * 6)) == 0
    assert len(kassa.rows("misc_id", "addons_pay_api")) == 2


# ---- calls


def test_a_reply_of_smspilot_that_crashes_the_service_is_doubtful_at_once(
        chain, pilot):
    """Its neighbours are done. It is sent again when somebody says so, until
    the third crash; then to say so once more is refused."""
    gate = Gate(pilot.ordinary_reply)
    pilot.reply = lambda request: (gate if request.params["to"][-1] == "2"
                                   else pilot.ordinary_reply)(request)
    three_payments(chain)
    chain.start(MBEV_FAULT="post.replied@2:crash:1+")
    chain.wait_states("done", "calling", "done")
    gate.open.set()
    wait_to_end(chain)
    pilot.reply = None
    end = settled(chain, "done", "doubtful", "done")
    assert run_on(chain, end, "post.replied@2:crash:1+") == 0
    assert phones(chain) == ["79000000001", "79000000002", "79000000003"]
    for _ in range(2):
        chain.service.stop()
        again(chain)
        assert run_on(chain, end, "post.replied@2:crash:1+") == 1
    chain.service.stop()
    again(chain)
    assert run_on(chain, end) == 0
    assert phones(chain).count("79000000002") == 3
    assert len(lines(chain)) == 3


def test_a_reply_of_smsc_that_crashes_the_service_is_asked_about_twice(
        smsc_chain, smsc):
    chain = smsc_chain
    three_payments(chain)
    assert run_on(chain, settled(chain, "done", "doubtful", "done"),
                  "post.replied@2:crash:1+") == 3
    assert sorted(phone for phone, _ in smsc.taken) == [
        "79000000001", "79000000002", "79000000003"]
    assert chain.deliveries("reason", "state = 'doubtful'") == [
        ("the service crashed on it 3 times; it may have been sent; once that"
         " is settled, it may be tried once more",)]


def test_a_request_that_crashes_the_service_is_set_aside(smsc_chain, smsc):
    chain = smsc_chain
    three_payments(chain)
    assert run_on(chain, settled(chain, "done", "doubtful", "done"),
                  "post.build@2:crash:1+") == 3
    assert sorted(phone for phone, _ in smsc.taken) == [
        "79000000001", "79000000003"]


def receipts_of_two(kassa):
    """Two subscribers, a receipt each."""
    for uid in (1, 2):
        kassa.subscriber(uid, phone=f"7900000000{uid}")
        kassa.pay(uid)


def test_a_reply_of_komtet_that_crashes_the_service_is_doubtful_in_the_end(
        kassa, till):
    receipts_of_two(kassa)
    assert run_on(kassa, lambda: sorted(kassa.states()) == [
        "done", "doubtful"], "post.replied@1:crash:1+") == 3
    number, state = kassa.receipts("number, stage", "uid = 1")[0]
    assert state == "doubtful"
    assert len(kassa.posts_of(number)) == 3
    assert len(till.receipts) == 2
    ((reason,),) = kassa.deliveries("reason", "state = 'doubtful'")
    assert reason.startswith("the service crashed on it 3 times")


def test_a_receipt_that_was_set_aside_is_made_once_when_it_is_retried(
        kassa, till):
    receipts_of_two(kassa)
    fault = "post.build@1:crash:1+"

    def newest(stage):
        return kassa.receipts("stage", "uid = 1")[-1][0] == stage

    def doubtful():
        return sorted(kassa.states()) == ["done", "doubtful"] and (
            newest("doubtful"))
    assert run_on(kassa, doubtful, fault) == 3
    for crashes, fault_now in (1, fault), (0, None):
        kassa.service.stop()
        (number,) = kassa.receipts("number", "stage = 'doubtful'")[0]
        assert ctl(kassa, "receipts", "retry", number,
                   "--yes").returncode == 0
        wanted = doubtful if fault_now else (
            lambda: newest("done"))
        assert run_on(kassa, wanted, fault_now) == crashes
    assert len(till.receipts) == 2


def test_what_komtet_tells_of_a_receipt_crashes_the_service_no_more(kassa):
    receipts_of_two(kassa)
    kassa.configure(receipt={"look_first": "1 h", "look_longest": "1 h"}).run()
    kassa.configure(receipt={"look_first": "200 ms", "look_longest": "1 s"})
    kassa.db.sql("UPDATE receipt SET look_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")

    def all_told():
        return kassa.stages().count("done") == 1 and (
            kassa.receipts("error", "uid = 1")[0][0])
    assert run_on(kassa, all_told, "follow.told@1:crash:1+") == 3
    assert kassa.receipts("uid, error", "stage = 'accepted'") == [
        (1, "the service crashed when komtet told of it: it is not asked"
            " about any more; see it in the cabinet")]
    kassa.not_logged.add(kassa.receipts("number", "uid = 1")[0][0])


# ---- routers


@pytest.fixture(name="bad")
def fixture_bad():
    """The router whose answers crash the service."""
    with RadiusNas(secret=SECRET.encode()) as router:
        yield router


@pytest.fixture(name="good")
def fixture_good():
    """Another one, where everybody is online."""
    with RadiusNas("127.0.0.2", secret=SECRET.encode()) as router:
        yield router


def by_radius(chain, *routers):
    """The chain for these routers."""
    resets(chain, transport="radius", radius_wait="100 ms",
           hold_first="100 ms", hold_refused="100 ms",
           router=[f"{one.address} port={one.port}" for one in routers])
    for number, one in enumerate(routers, 1):
        nas(chain, number, one.address, secret=SECRET)


def test_an_answer_of_a_router_that_crashes_the_service_is_set_aside(
        chain, bad):
    by_radius(chain, bad)
    chain.subscriber()
    chain.change_tariff()
    assert run_on(chain, settled(chain, "doubtful"),
                  "routers.answered:crash:1+") == 3
    assert reasons(chain)[0].startswith("the service crashed on it 3 times")


@pytest.fixture(name="router")
def fixture_router():
    """A router that is told several things in one go."""
    with RouterOS() as router:
        yield router


def test_of_orders_under_way_together_each_goes_alone_after_a_crash(
        chain, router):
    resets(chain, port=router.port)
    nas(chain)
    for uid in (1, 2, 3):
        chain.subscriber(uid)
        router.online(f"sub{uid}")
        chain.change_tariff(uid)
    assert run_on(chain, settled(chain, "done", "doubtful", "done"),
                  "task.told@2:crash:1+") == 3
    blamed = [one for one in lines(chain) if one.startswith("call")]
    assert len(blamed) == 5
    assert len(set(blamed)) == 3


def test_a_router_that_crashes_the_service_nine_times_is_left_alone(
        chain, bad, good):
    by_radius(chain, bad, good)
    for uid in (1, 2, 3, 4):
        chain.subscriber(uid)
        good.online(f"sub{uid}".encode())
    crashes = 0
    for uid in (1, 2, 3):
        chain.change_tariff(uid)
        wanted = settled(chain, *["doubtful"] * uid)
        crashes += run_on(chain, wanted, "routers.answered@1:crash:1+")
        chain.service.stop()
    assert crashes == 9
    chain.change_tariff(4)
    assert run_on(chain, settled(chain, *["doubtful"] * 3, "done"),
                  "routers.answered@1:crash:1+") == 0
    wait_until(lambda: table(chain, "reason")[0][0], 10, "table")
    assert "the service crashed on it 9 times" in table(chain, "reason")[0][0]


# ---- callbacks


def _wait_to_hear(chain, times):
    """Wait until it listens so many times."""
    wait_until(lambda: chain.service.log_text().count(
        "callback: listening") == times, 15, "ear")


def test_a_callback_that_crashes_the_service_is_not_read_for_ever(
        kassa, till):
    port = free_port()
    kassa.configure(receipt={"callback_url": PUBLIC, "look_first": "1 h",
                             "look_longest": "1 h"},
                    callback={"on": "yes", "port": port})
    kassa.subscriber(1)
    kassa.pay(1)
    kassa.run()
    kassa.service.env["MBEV_FAULT"] = "callback.read:crash:1+"
    (entry,) = till.receipts
    while True:
        seen = kassa.service.log_text().count("callback: listening")
        kassa.service.start()
        _wait_to_hear(kassa, seen + 1)
        try:
            assert till.callback(f"http://127.0.0.1:{port}/komtet", entry,
                                 registered=PUBLIC) == 400
            break
        except OSError:
            wait_to_end(kassa)
    assert len(lines(kassa)) == 3
    assert ended(kassa.service) is None


# ---- the book


def test_the_book_stays_within_its_bound_and_keeps_what_is_new(chain):
    three_payments(chain)
    fault = f"ingest.one@{row_of(chain, 2)}:crash:1+"
    chain.service.env["MBEV_FAULT"] = fault
    for _ in range(2):
        chain.service.start()
        wait_to_end(chain)
    old = "".join(f"{n} 11 0.1.0 call something:old:{n}|sms|0\n"
                  for n in range(20000))
    book(chain).write_text(old + book(chain).read_text("ascii"), "ascii")
    assert run_on(chain, settled(chain, "done", "done"), fault) == 1
    assert book(chain).stat().st_size <= 64 * 1024
    assert len([one for one in lines(chain) if "ingest" in one]) == 3


def test_without_its_book_it_works_on_and_says_so(chain):
    book(chain).mkdir()
    three_payments(chain)
    assert run_on(chain, settled(chain, *["done"] * 3)) == 0
    for what in ("read", "written"):
        chain.service.wait_log(
            f"error atwork: .*/state/crashes cannot be {what}: .*"
            "what crashes the service is not counted")


def test_a_service_that_is_aborted_has_nothing_in_hand_when_it_waits(chain):
    chain.start()
    chain.service.signal(signal.SIGABRT)
    wait_to_end(chain)
    assert ended(chain.service) in (-signal.SIGABRT, 1)
    assert lines(chain, str(int(signal.SIGABRT))) == ["nothing"]
    chain.start()
    chain.service.wait_log(r"crashed at .* \(signal 6\), in hand: nothing$")


def test_a_crash_ends_the_service_with_its_signal(chain):
    three_payments(chain)
    fault = f"ingest.one@{row_of(chain, 1)}:crash:1+"
    chain.service.env["MBEV_FAULT"] = fault
    chain.service.start()
    wait_to_end(chain)
    asan = "AddressSanitizer" in chain.service.log_text()
    assert ended(chain.service) == (1 if asan else -signal.SIGSEGV)
    assert len(lines(chain, str(int(signal.SIGSEGV)))) == 1
