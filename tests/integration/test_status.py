"""What the service shows of itself, to programs: JSON, metrics, health; on a
port of this host and on the control socket."""

import gzip
import json
import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from harness import exposition
from harness.process import wait_until
from harness.product import Service, build_dir, repo, with_settings
from harness.server import numbers
from harness.standin import Reply, stall
from integration.seen import Seen, seen  # noqa: F401 (a fixture)

PATHS = ["/", "/status.json", "/metrics", "/health", "/event.json?id=1"]


def ours(chain, sql):
    """Run SQL in our database."""
    return chain.db.sql(sql, "mikbill_events")


def last_event(chain):
    """The id of the newest event."""
    return ours(chain, "SELECT MAX(id) FROM event")[0][0]


def refusal(code):
    """What SMSPilot answers when it does not take a message."""
    return Reply(body=json.dumps({"error": {"code": str(code),
                                            "description": "no"}}))


def mark(chain, state, reason="it failed for 79001234567"):
    """A delivery in this state, as if it had come to it."""
    event = last_event(chain)
    ours(chain, f"UPDATE delivery SET state = '{state}', reason = '{reason}'"
                f" WHERE event_id = {event}")
    return event


# ---- who is answered, and how ----


def test_port_and_socket_show_the_same(seen):
    seen.start()
    for path in PATHS[:4]:
        code, body, _ = seen.get(path, **{"Accept-Encoding": "gzip"})
        assert code == 200, path
        if path == "/":
            continue
        assert seen.ask_socket(path)[0] == 200
    assert json.loads(seen.ask_socket("/status.json")[1])["service"][
        "state"] == "acting"


def test_the_socket_is_for_the_group(seen):
    seen.start()
    mode = os.stat(seen.socket).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_the_socket_goes_with_the_service(seen):
    seen.start()
    seen.chain.service.stop()
    assert not os.path.exists(seen.socket)


def test_a_socket_that_a_crash_left_is_replaced(seen):
    seen.start()
    seen.chain.service.kill()
    assert os.path.exists(seen.socket)
    seen.start()
    assert seen.ask_socket("/health")[0] == 200


def test_a_socket_on_which_another_listens_is_left_alone(seen):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(seen.socket)
        other.listen()
        seen.start()
        seen.chain.service.wait_log("another program listens there")
        assert seen.get("/health")[0] == 200
    assert os.path.exists(seen.socket)


def test_both_are_off_when_they_are_empty(chain):
    chain.start()
    assert "page: " not in chain.service.log_text()


@pytest.mark.parametrize("address", [
    "0.0.0.0:9105", "192.168.1.1:9105", "[::]:9105", "9105", "127.0.0.1",
    "localhost:9105", "127.0.0.1:0", "127.0.0.1:70000", "[127.0.0.1]:9105",
    "::1:9105", "127.0.0.1:9105x"])
def test_an_address_that_others_can_reach_is_refused(chain, address):
    chain.reconfigure(with_settings(chain.settings,
                                    service={"status_address": address}))
    done = subprocess.run([build_dir() / "mbevd", "-t", "-c",
                           chain.service.config], text=True,
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 78
    assert "TLS and a password" in done.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:9105", "127.1.2.3:1",
                                     "[::1]:65535", ""])
def test_a_loopback_address_is_taken(chain, address):
    chain.reconfigure(with_settings(chain.settings,
                                    service={"status_address": address}))
    done = subprocess.run([build_dir() / "mbevd", "-t", "-c",
                           chain.service.config], text=True,
                          capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}",
                                  "localhost", "127.0.0.1:1", "",
                                  "localhost.evil.example:{port}"])
def test_another_host_name_is_refused(seen, host):
    seen.start()
    for path in PATHS:
        code, body, _ = seen.get(path, Host=host.format(port=seen.port))
        assert code == 421, (path, body)


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1:{port}",
                                  "[::1]:{port}", "LOCALHOST:{port}"])
def test_our_own_names_are_taken(seen, host):
    seen.start()
    assert seen.get("/health", Host=host.format(port=seen.port))[0] == 200


def test_every_answer_is_guarded(seen):
    seen.start()
    for path in [*PATHS, "/no", "/event.json"]:
        _, _, headers = seen.get(path, **{"Accept-Encoding": "gzip"})
        assert headers["Cache-Control"] == "no-store", path
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(seen, method):
    seen.start()
    for path in PATHS:
        with socket.create_connection(("127.0.0.1", seen.port)) as link:
            link.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost:"
                         f"{seen.port}\r\nContent-Length: 0\r\n\r\n".encode())
            answer = link.recv(4096).decode()
        assert answer.startswith("HTTP/1.1 405")
        assert "Allow: GET, HEAD" in answer


def test_head_has_no_body(seen):
    seen.start()
    with socket.create_connection(("127.0.0.1", seen.port)) as link:
        link.sendall(f"HEAD /metrics HTTP/1.1\r\nHost: localhost:{seen.port}"
                     "\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := link.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")


def test_the_page_is_one_file_without_anything_from_elsewhere(seen):
    seen.start()
    code, body, headers = seen.get("/", **{"Accept-Encoding": "gzip, br"})
    page = gzip.decompress(body)
    assert (code, headers["Content-Encoding"]) == (200, "gzip")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert page == (repo() / "poller" / "page" / "page.html").read_bytes()
    assert not re.search(rb"""(src|href|action)=["'](?!data:|#)""", page)
    assert not re.search(rb"innerHTML|insertAdjacent|document\.write|eval\(",
                         page)


def test_a_client_that_knows_no_gzip_is_told_so(seen):
    seen.start()
    assert seen.get("/")[0] == 406


# ---- the story of an event ----


def test_the_story_of_an_event(seen):
    chain = seen.start().chain
    chain.pay(summa=100.5)
    chain.wait_states("done")
    story = seen.story(last_event(chain))
    assert (story["kind"], story["uid"]) == ("payment", 1001)
    assert json.loads(story["body"])["kopecks"] == 10050
    (delivery,) = story["deliveries"]
    assert delivery["state"] == "done"
    assert delivery["payload"] == "sub1001: 100.50 руб"
    assert delivery["attempts"] == 1


def test_no_phone_and_no_secret_is_shown(seen):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    event = mark(chain, "doubtful")
    seen.wait(lambda s: s["troubles"])
    everything = "".join(
        seen.get(path)[1].decode() for path in
        ["/status.json", "/metrics", f"/event.json?id={event}"])
    assert "79*****4567" in everything
    for secret in ["79001234567", "service-secret", "TESTKEY", "SECRET"]:
        assert secret not in everything


@pytest.mark.parametrize("query, code", [
    ("", 400), ("?id=", 400), ("?id=x", 400), ("?id=1x", 400), ("?id=-1", 400),
    ("?id=99999999", 404), ("?id=18446744073709551616", 400),
    ("?id=1%20OR%201", 400)])
def test_an_event_that_is_none(seen, query, code):
    seen.start()
    assert seen.get("/event.json" + query)[0] == code


def test_a_story_may_hold_anything(seen):
    """What stands in the tables cannot break the JSON."""
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    event = mark(chain, "dead", "</script>\\\\ \"quoted\" \\t\\0 ё 😀")
    reason = seen.story(event)["deliveries"][0]["reason"]
    assert reason == "</script>\\ \"quoted\" \t\0 ё 😀"


def test_what_operators_did_belongs_to_the_story(seen):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    event = last_event(chain)
    ours(chain, "INSERT INTO audit SET at_utc = UTC_TIMESTAMP(3), who ="
                f" 'ann@host', verb = 'retry', event_id = {event}")
    try:
        (one,) = seen.story(event)["audit"]
        assert (one["who"], one["verb"]) == ("ann@host", "retry")
    finally:
        ours(chain, "DELETE FROM audit")


# ---- the state ----


def test_the_last_events_come_with_what_is_done(seen):
    chain = seen.start().chain
    chain.pay(summa=-20, kind=7)
    chain.pay(summa=100)
    chain.wait_states("done")
    events = seen.wait(lambda s: len(s["events"]) == 2 and s)["events"]
    assert [(e["kind"], e["uid"], e["kopecks"], e["work"])
            for e in events] == [("payment", 1001, 10000, "sms done"),
                                 ("refund", 1001, -2000, None)]


def test_lanes_tell_what_waits_and_what_went_through(seen):
    chain = seen.chain
    chain.pilot.reply = stall
    seen.start()
    chain.pay()
    seen.wait(lambda s: s["lanes"][1]["calls"] == 1)
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.service.kill()
    seen.start()
    chain.pay()
    lane = seen.wait(lambda s: s["lanes"][1]["total"]["good"] == 1
                     and s["lanes"][1]["doubtful"] == 1 and s)["lanes"][1]
    assert lane["minute"]["good"] == 1
    assert lane["success_s"] is not None and not lane["holds"]


def test_a_held_lane_is_told(seen):
    chain = seen.chain
    chain.settings["notice"]["hold"] = "1 h"
    seen.chain.reconfigure(chain.settings)
    chain.pilot.reply = lambda request: refusal(105)
    seen.start()
    chain.pay()
    lane = seen.wait(lambda s: s["lanes"][1]["holds"] and s)["lanes"][1]
    assert 3000 < lane["held_s"] <= 3600
    metrics = seen.metrics()
    assert exposition.value(metrics, "mbev_lane_held", lane="smspilot") == 1
    assert exposition.value(metrics, "mbev_call_errors_total",
                            lane="smspilot", **{"class": "configuration"}) > 0


def test_paused_lanes_and_gaps_and_held_routers_are_told(seen):
    chain = seen.chain
    chain.reconfigure(with_settings(chain.settings,
                                    service={"reconcile": "0 s"}))
    seen.start()
    ours(chain, "INSERT INTO pause SET lane='smsc', since_utc=UTC_TIMESTAMP(),"
                " who='ann@host', reason='moving'")
    ours(chain, "INSERT INTO router SET nas_id=1, address='10.0.0.1',"
                " transport='ssh', state='held', since_utc=UTC_TIMESTAMP(),"
                " changed_utc=UTC_TIMESTAMP(), reason='no route'")
    ours(chain, "INSERT INTO gap SET source='bugh_plategi_stat',"
                " from_utc=UTC_TIMESTAMP(), reason='the trigger is missing'")
    try:
        told = seen.wait(lambda s: s["pauses"] and s["routers_held"]
                         and s["capture"]["gaps"] and s)
        assert told["pauses"][0]["who"] == "ann@host"
        assert [l["name"] for l in told["lanes"] if l["paused"]] == ["smsc"]
        assert told["routers_held"][0]["reason"] == "no route"
        metrics = seen.metrics()
        assert exposition.value(metrics, "mbev_lane_paused", lane="smsc") == 1
        assert exposition.value(metrics, "mbev_gaps_open") == 1
        assert exposition.value(metrics, "mbev_routers_held") == 1
    finally:
        ours(chain, "DELETE FROM pause")


def test_the_library_is_missed(seen):
    chain = seen.start().chain
    seen.wait(lambda s: s["capture"]["library"])
    chain.db.sql("DROP FUNCTION mbev_version")
    try:
        seen.wait(lambda s: not s["capture"]["library"])
        assert exposition.value(seen.metrics(), "mbev_library_up") == 0
    finally:
        chain.db.sql("CREATE FUNCTION mbev_version RETURNS STRING SONAME"
                     " 'mbev.so'")


# ---- away, and standing by ----


@pytest.fixture
def hurt(installed):
    """The module's server is put in order when the test is over."""
    yield installed
    if not installed.pid:
        installed.start()


def test_without_a_database_it_still_answers_and_says_so(seen, hurt):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    seen.wait(lambda s: s["events"])
    chain.db.kill()
    told = seen.wait(lambda s: s["service"]["state"] == "away" and s)
    assert not told["service"]["database"]
    assert told["events"], "the last that was known"
    assert told["service"]["trouble"]
    assert seen.get("/health")[0] == 503
    assert seen.get("/event.json?id=1")[0] == 503
    metrics = seen.metrics()
    assert exposition.value(metrics, "mbev_database_up") == 0
    assert exposition.value(metrics, "mbev_service_state", state="away") == 1
    assert exposition.value(metrics, "mbev_events_captured_total") == 1
    chain.db.start()
    seen.wait(lambda s: s["service"]["state"] == "acting")
    assert seen.get("/health")[0] == 200
    assert exposition.value(seen.metrics(),
                            "mbev_database_reconnects_total") >= 1


def test_it_answers_before_it_ever_had_a_database(seen, hurt):
    seen.chain.db.kill()
    seen.chain.service.start()
    wait_until(lambda: os.path.exists(seen.socket), 30, "socket")
    assert seen.ask_socket("/health")[0] == 503
    metrics = seen.metrics()
    assert exposition.value(metrics, "mbev_database_up") == 0
    assert "mbev_outbox_rows" not in metrics


def test_who_stands_by_is_healthy(seen, service_of, tmp_path):
    seen.start()
    other = service_of(with_settings(
        seen.chain.settings, service={
            "doorbell": str(tmp_path / "doorbell"), "status_address": "",
            "control": str(tmp_path / "control")}))
    other.start()
    other.wait_log("standing by")
    second = Seen.__new__(Seen)
    second.socket = str(tmp_path / "control")
    assert second.ask_socket("/health") == (200, b"standing by\n")
    told = json.loads(second.ask_socket("/status.json")[1])
    assert told["service"]["state"] == "standing by"
    assert second.ask_socket("/event.json?id=99999")[0] == 404


# ---- metrics ----


def test_the_metrics_are_of_the_format(seen):
    chain = seen.start().chain
    for _ in range(3):
        chain.pay()
    chain.wait_states("done", "done", "done")
    code, body, headers = seen.get("/metrics")
    assert headers["Content-Type"] == ("text/plain; version=0.0.4;"
                                       " charset=utf-8")
    metrics = exposition.parse(body.decode())
    assert exposition.value(metrics, "mbev_events_captured_total") == 3
    assert exposition.value(metrics, "mbev_deliveries_total", lane="smspilot",
                            result="good") == 3
    assert exposition.value(metrics, "mbev_capture_to_accept_seconds_count",
                            lane="smspilot") == 3
    assert 0 < exposition.value(
        metrics, "mbev_capture_to_accept_seconds_sum", lane="smspilot") < 300


def test_labels_are_few(seen):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    allowed = {"lane", "result", "class", "state", "version", "le"}
    samples = 0
    for metric in seen.metrics().values():
        for _, *labels in metric.samples:
            samples += 1
            assert {name for name, _ in labels} <= allowed
    assert samples < 250


def test_the_file_for_node_exporter(seen, tmp_path):
    path = tmp_path / "mbev.prom"
    chain = seen.chain
    chain.reconfigure(with_settings(chain.settings,
                                    service={"metrics_file": str(path)}))
    before = os.umask(0o077)  # as in the unit
    seen.start()
    os.umask(before)

    def database():
        return path.exists() and exposition.value(
            exposition.parse(path.read_text()), "mbev_database_up")

    wait_until(database, 60, "file of a service that acts")
    assert os.listdir(tmp_path) == ["mbev.prom"]
    assert path.stat().st_mode & 0o777 == 0o644
    path.unlink()
    wait_until(path.exists, 60, "file once more")


def test_a_file_that_cannot_be_written_is_told_once(seen, tmp_path):
    chain = seen.chain
    chain.reconfigure(with_settings(
        chain.settings,
        service={"metrics_file": str(tmp_path / "no" / "file")}))
    seen.start()
    chain.service.wait_log("metrics_file .* cannot be written: No such file")
    chain.pay()
    chain.wait_states("done")
    assert chain.service.log_text().count("metrics_file") == 1


@pytest.mark.parametrize("file", ["prometheus-alerts.yml",
                                  "grafana-dashboard.json"])
def test_what_is_delivered_names_metrics_that_exist(seen, file):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    seen.wait(lambda s: s["service"]["data_s"] is not None)
    known = {name for metric in seen.metrics().values()
             for name, *_ in metric.samples}
    text = (Path(repo()) / "conf" / file).read_text("utf-8")
    named = set(re.findall(r"\bmbev_\w+", text))
    assert named and named <= known, named - known


def test_the_dashboard_can_be_imported():
    board = json.loads((Path(repo()) / "conf" / "grafana-dashboard.json")
                       .read_text("utf-8"))
    assert board["title"] and board["schemaVersion"] and "id" not in board
    assert any(one["type"] == "datasource" and one["query"] == "prometheus"
               for one in board["templating"]["list"])
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) > 10
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["expr"] for target in panel["targets"])


def test_each_alert_says_what_to_do():
    text = (Path(repo()) / "conf" / "prometheus-alerts.yml").read_text("utf-8")
    alerts = text.split("- alert: ")[1:]
    assert len(alerts) >= 9
    for alert in alerts:
        for key in ["expr:", "severity:", "summary:", "action:"]:
            assert key in alert, alert


# ---- the pulse ----


def pulse(chain):
    """{name: (good, again, bad)} of table pulse."""
    return {name: (int(good), int(again), int(bad))
            for name, good, again, bad in ours(
                chain, "SELECT name, SUM(good), SUM(again), SUM(bad) FROM"
                       " pulse GROUP BY name")}


@pytest.fixture
def no_pulse(installed):
    """Nothing was counted before."""
    installed.sql("DELETE FROM mikbill_events.pulse")


def test_counts_are_written_at_an_orderly_stop(seen, no_pulse):
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    chain.service.stop()
    assert pulse(chain) == {"events": (1, 0, 0), "smspilot": (1, 0, 0)}
    seen.start()
    chain.pay()
    chain.wait_states("done", "done")
    chain.service.stop()
    assert pulse(chain) == {"events": (2, 0, 0), "smspilot": (2, 0, 0)}


def test_counts_are_written_after_a_minute(seen, no_pulse):
    chain = seen.start().chain
    chain.pay()
    wait_until(lambda: pulse(chain), 120, "pulse", 0.5)
    assert pulse(chain)["events"] == (1, 0, 0)
    chart = seen.wait(lambda s: s["chart"], 120) and seen.status()["chart"]
    assert sum(one["events"] for one in chart) == 1


def test_failures_are_counted(seen, no_pulse):
    chain = seen.chain
    replies = iter([Reply(status=429)])
    chain.pilot.reply = lambda request: next(replies, refusal(211))
    seen.start()
    chain.pay()
    chain.wait_states("dead")
    chain.service.stop()
    assert pulse(chain)["smspilot"] == (0, 1, 1)


def test_old_counts_go(seen, no_pulse):
    chain = seen.start().chain
    ours(chain, "INSERT INTO pulse (slot_utc, name, good) VALUES"
                " (UTC_TIMESTAMP() - INTERVAL 9 DAY, 'smsc', 7),"
                " (UTC_TIMESTAMP() - INTERVAL 7 DAY, 'komtet', 7)")
    chain.pay()
    chain.wait_states("done")
    chain.service.stop()
    assert "smsc" not in pulse(chain)
    assert pulse(chain)["komtet"] == (7, 0, 0)


# ---- what it costs ----


def test_the_tables_are_read_by_index_and_bounded(seen):
    """With many finished deliveries no question reads more than it counts."""
    chain = seen.start().chain
    chain.pay()
    chain.wait_states("done")
    ours(chain, "INSERT INTO delivery (event_id, action, state, due_utc,"
                " changed_utc) SELECT seq + 1000000, 'sms', 'done',"
                " UTC_TIMESTAMP(), UTC_TIMESTAMP() FROM " + numbers(60000))
    ours(chain, "INSERT INTO delivery (event_id, action, state, due_utc,"
                " changed_utc) SELECT seq + 2000000, 'sms', 'dead',"
                " UTC_TIMESTAMP(), UTC_TIMESTAMP() FROM " + numbers(12000))
    before = reads(chain)
    told = seen.wait(lambda s: s["lanes"][1]["dead"] > 0 and s)
    assert told["lanes"][1]["dead"] == 10001
    assert reads(chain) - before < 45000


def reads(chain):
    """How many rows the server has read."""
    return sum(int(value) for _, value in ours(
        chain, "SHOW GLOBAL STATUS LIKE 'Handler_read_%'"))


def test_the_tables_are_not_read_again_within_two_seconds(seen):
    chain = seen.start().chain
    seen.status()
    text = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS" \
           " WHERE VARIABLE_NAME = 'COM_SELECT'"
    before = int(chain.db.sql(text)[0][0])
    for _ in range(40):
        seen.status()
    assert int(chain.db.sql(text)[0][0]) - before < 150
