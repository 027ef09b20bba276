"""A Galera cluster: the billing writes at every node, a service stands beside
each, and one of them acts."""

import contextlib
import itertools

import pymysql
import pytest

from harness import galera
from harness.billing import create_billing
from harness.process import wait_until
from harness.product import install, with_settings
from integration.chain import payment_sql
from integration.conftest import make_chain
from integration.shop import Payments, Shop

pytestmark = [
    pytest.mark.plain, pytest.mark.mariadb("galera-4 is for this server"),
    pytest.mark.skipif(not galera.is_installed(),
                       reason="galera-4 is not installed")]

LEASE = "5 s"


@pytest.fixture(scope="module", name="cluster")
def fixture_cluster():
    """Two nodes with a billing; our SQL was run at the first one alone."""
    with galera.Cluster(2) as cluster:
        create_billing(cluster[0], "mikbill", "legacy")
        install(cluster[0])
        yield cluster


class Balanced(Shop):
    """A shop whose billing is sent to one node after the other, as a balancer
    does; a node that is away is left out."""

    nodes = ()

    def open_at(self, cluster, till):
        """The service of the first node."""
        self.nodes = cluster.nodes
        self._turn = itertools.cycle(cluster.nodes)
        self.doubtful = True
        self.open(till).configure(service={"lease": LEASE})
        return self

    def connect(self):
        """A connection of the billing, to the next node that answers."""
        for _ in self.nodes:
            try:
                return next(self._turn).connect("mikbill", user="mikbill")
            except pymysql.MySQLError:
                continue
        raise pymysql.OperationalError(2003, "no node answers")


@pytest.fixture(name="shop")
def fixture_shop(cluster, pilot, till):
    """The shop, with all nodes up at the end."""
    cluster.wait_whole()
    for shop in make_chain(cluster[0], pilot, Balanced):
        yield shop.open_at(cluster, till)
        shop.close()
        cluster.wait_whole()


@pytest.fixture(name="second")
def fixture_second(cluster, shop, service_of):
    """The service of the second node, which stands by."""
    node = cluster[1]
    service = service_of(with_settings(
        shop.settings, database={"socket": node.socket},
        service={"doorbell": node.doorbell, "state_dir": node.folder}))
    shop.start()
    service.start().wait_log("standing by")
    return service


def buy_everywhere(shop, count):
    """So many payments, one node after the other."""
    for uid in shop.enroll(count):
        with contextlib.closing(shop.connect()) as link, \
                link.cursor() as cursor:
            cursor.execute(payment_sql(uid, 2000))
    return shop


def test_what_is_written_at_both_nodes_is_done_once(shop, second):
    buy_everywhere(shop, 20).wait_done().audit()
    assert "engine: acting" not in second.log_text()


def test_the_library_answers_at_both_nodes(cluster):
    versions = [node.sql("SELECT mbev_version()") for node in cluster.nodes]
    assert versions[0] == versions[1]
    assert cluster[1].sql(
        "SELECT COUNT(*) FROM information_schema.triggers"
        " WHERE trigger_schema = 'mikbill'") == cluster[0].sql(
        "SELECT COUNT(*) FROM information_schema.triggers"
        " WHERE trigger_schema = 'mikbill'")


def test_the_service_of_the_other_node_takes_over(shop, second):
    with Payments(shop, pause=0.05):
        wait_until(lambda: len(shop.sent()) > 5, 20, "messages")
        shop.service.kill()
        second.wait_log("engine: acting")
        before = len(shop.sent())
        wait_until(lambda: len(shop.sent()) > before + 5, 20,
                   "messages of the other")
    shop.wait_done().audit()


def test_a_node_that_dies_takes_nothing_along(cluster, shop, second):
    with Payments(shop, pause=0.05):
        wait_until(lambda: len(shop.sent()) > 5, 20, "messages")
        cluster[0].kill()
        second.wait_log("engine: acting", timeout=30)
        before = len(shop.sent())
        wait_until(lambda: len(shop.sent()) > before + 5, 30,
                   "messages of the other")
        cluster[0].rejoin()
    cluster.wait_whole()
    shop.service.wait_log("standing by")
    shop.wait_done().audit()
    tables = [node.sql("CHECKSUM TABLE event, delivery, receipt",
                       "mikbill_events") for node in cluster.nodes]
    assert tables[0] == tables[1]


def test_a_node_that_is_cut_off_does_not_act(cluster, shop, second):
    """Its service has work in hand, and may not finish it there."""
    with Payments(shop, pause=0.05):
        wait_until(lambda: len(shop.sent()) > 5, 20, "messages")
        cluster[0].isolate()
        shop.service.wait_log("warning engine: .*1047 .*majority", timeout=30)
        second.wait_log("engine: acting", timeout=30)
        before = len(shop.sent())
        wait_until(lambda: len(shop.sent()) > before + 5, 30,
                   "messages of the other")
        cluster[0].isolate(False)
        cluster.wait_whole()
    shop.wait_done().audit()


def test_without_a_majority_nobody_acts(cluster, shop, second):
    buy_everywhere(shop, 2).wait_done()
    for node in cluster.nodes:
        node.isolate()
    second.wait_log("1047", timeout=30)
    shop.service.wait_log("1047", timeout=30)
    sent = len(shop.sent())
    with pytest.raises(pymysql.MySQLError):
        buy_everywhere(shop, 1)
    assert len(shop.sent()) == sent
    for node in cluster.nodes:
        node.isolate(False)
    cluster.wait_whole()
    buy_everywhere(shop, 4).wait_done()
