"""mbev.so inside a real server: what its functions get and give there.

The functions alone, with every odd argument, are in tests/unit/test_udf.c.
"""

import json
import os
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pymysql
import pytest

from harness.process import wait_until
from harness.server import MariaDB

FUNCTIONS = {"mbev_json": "STRING", "mbev_ring": "INTEGER",
             "mbev_version": "STRING"}
BIG_PACKETS = "--max-allowed-packet=64M"


def register(server):
    """Make the functions of mbev.so known to the server."""
    for name, kind in FUNCTIONS.items():
        server.sql(f"CREATE FUNCTION {name} RETURNS {kind} SONAME 'mbev.so'")


def unregister(server):
    """Forget them; the server then unloads the library."""
    for name in FUNCTIONS:
        server.sql(f"DROP FUNCTION {name}")


@pytest.fixture(scope="module")
def own_server():
    """A server with the functions, for this file alone."""
    with MariaDB(options=[BIG_PACKETS]) as server:
        register(server)
        yield server


@pytest.fixture
def db(own_server):
    """That server with an empty database `t`."""
    own_server.sql("CREATE DATABASE t CHARACTER SET utf8mb4")
    yield own_server
    own_server.sql("DROP DATABASE t")


@pytest.fixture
def doorbell(db):
    """The service's end of the doorbell."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.bind(db.doorbell)
        bell.settimeout(5)
        yield bell
    os.unlink(db.doorbell)


def text_of(db, expression, rows="DUAL"):
    """mbev_json's text for one value named v, without the object around."""
    found = db.sql(f"SELECT mbev_json('v', {expression}) FROM {rows}", "t")
    text = found[0][0].decode("utf-8")
    assert text.startswith('{"v":') and text.endswith("}")
    return text[5:-1]


def open_files(db):
    """What the server's descriptors stand for, as in /proc."""
    files = []
    for descriptor in Path(f"/proc/{db.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            files.append(os.readlink(descriptor))
    return files


def doorbell_sockets(db):
    """How many unix datagram sockets the server has: only ours are that."""
    lines = Path("/proc/net/unix").read_text(encoding="ascii").splitlines()
    columns = [line.split() for line in lines[1:]]
    datagram = {f"socket:[{c[6]}]" for c in columns if c[4] == "0002"}
    return sum(file in datagram for file in open_files(db))


# ---- registering ----

def test_version_is_that_of_the_build(db):
    version, = db.sql("SELECT mbev_version()")[0]
    assert version.decode().count(".") == 2


def test_one_socket_for_all_and_none_after_unloading(db):
    for _ in range(3):
        db.sql("DO mbev_ring()")
        db.sql("DO mbev_ring()")
        assert doorbell_sockets(db) == 1
        unregister(db)
        wait_until(lambda: doorbell_sockets(db) == 0, 5, "unloading")
        register(db)


# ---- values ----

LITERALS = {
    "NULL": "null",
    "0": "0",
    "-1": "-1",
    "TRUE": "1",
    "1 = 2": "0",
    "18446744073709551615": "18446744073709551615",
    "CAST(-1 AS UNSIGNED)": "18446744073709551615",
    "-9223372036854775808": "-9223372036854775808",
    "1.50": "1.50",
    ".5": "0.5",
    "-.5": "-0.5",
    "-0e0": "0",
    "0.1 + 0.2": "0.3",
    "0.1e0 + 0.2e0": "0.30000000000000004",
    "1e20": "1e20",
    "1.5e-20": "1.5e-20",
    "1/3": "0.3333",
    "COUNT(*)": "1",
    "(SELECT 5)": "5",
    "'5'": '"5"',
    "''": '""',
    "CONVERT('' USING utf8mb4)": '""',
    "TRIM('  ')": '""',
    "REPEAT('x', 0)": '""',
    "UNHEX('')": '""',
    "'щ'": '"щ"',
    "DATE'2024-02-29'": '"2024-02-29"',
    "TIMESTAMP'2024-02-29 12:00:00'": '"2024-02-29 12:00:00"',
    "TIMESTAMP'2024-02-29 12:00:00' + 0": "20240229120000",
    "x'41'": '"A"',
    "x'FF00'": '"\N{REPLACEMENT CHARACTER}\\u0000"',
    "@never_set": "null",
}


@pytest.mark.parametrize("expression", LITERALS)
def test_expression(db, expression):
    assert text_of(db, expression) == LITERALS[expression]


COLUMNS = [
    ("INT", "-2147483648", "-2147483648"),
    ("TINYINT(1)", "1", "1"),
    ("INT(5) ZEROFILL", "7", "7"),
    ("INT(5) ZEROFILL", "0", "0"),
    ("BIGINT UNSIGNED", "18446744073709551615", "18446744073709551615"),
    ("DECIMAL(20,6)", "-99999999999999.999999", "-99999999999999.999999"),
    ("DECIMAL(10,2) ZEROFILL", "1.5", "1.50"),
    ("DOUBLE", "-1.7976931348623157e308", "-1.7976931348623157e308"),
    ("DOUBLE", "0.1", "0.1"),
    ("DOUBLE(20,6)", "100.5", "100.500000"),
    ("DOUBLE(20,6)", "-0.0000001", "0.000000"),
    ("DOUBLE(20,6) ZEROFILL", "1.5", "1.500000"),
    ("FLOAT", "1.1", "1.1"),
    ("FLOAT", "3.4e38", "3.4e38"),
    ("FLOAT(10,2)", "1.1", "1.10"),
    ("FLOAT ZEROFILL", "1e20", "1e20"),
    ("YEAR", "2024", "2024"),
    ("YEAR", "0", "0"),
    ("BIT(1)", "1", '"\\u0001"'),
    ("DATE", "'2024-02-29'", '"2024-02-29"'),
    ("DATE", "'0000-00-00'", '"0000-00-00"'),
    ("DATETIME(3)", "'2024-02-29 12:00:00.5'", '"2024-02-29 12:00:00.500"'),
    ("TIMESTAMP NULL", "NULL", "null"),
    ("TIME", "'-10:00:00'", '"-10:00:00"'),
    ("ENUM('да','нет')", "'да'", '"да"'),
    ("SET('x','y')", "'x,y'", '"x,y"'),
    ("CHAR(9)", "'щ'", '"щ"'),
    ("VARCHAR(9)", "''", '""'),
    ("TEXT", "'a\\\\b\"c\\n'", '"a\\\\b\\"c\\n"'),
    ("BLOB", "x'00D1'", '"\\u0000\N{REPLACEMENT CHARACTER}"'),
    ("LONGTEXT", "'😀'", '"😀"'),
    ("INT", "NULL", "null"),
    ("DOUBLE", "NULL", "null"),
    ("VARCHAR(9)", "NULL", "null"),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda c: f"{c[0]}: {c[1]}")
def test_column(db, column):
    kind, value, want = column
    db.sql(f"CREATE TABLE c (v {kind}); INSERT INTO c VALUES ({value})", "t")
    assert text_of(db, "v", "c") == want


def test_bit_column_is_a_number_when_added_to_zero(db):
    db.sql("CREATE TABLE c (v BIT(8)); INSERT INTO c VALUES (49)", "t")
    assert text_of(db, "v + 0", "c") == "49"


def test_koi8r_column_is_converted_in_sql(db):
    db.sql("CREATE TABLE c (v VARCHAR(20) CHARACTER SET koi8r);"
           "INSERT INTO c VALUES ('Оплата №1')", "t")
    assert text_of(db, "CONVERT(v USING utf8mb4)", "c") == '"Оплата ?1"'
    assert set(text_of(db, "LEFT(v, 6)", "c")[1:-1]) == {"\ufffd"}


def test_placeholder_takes_the_kind_of_each_value(db):
    with db.connect() as link, link.cursor() as cursor:
        cursor.execute("PREPARE p FROM 'SELECT mbev_json(''v'', ?)'")
        for value, want in (("'x'", b'"x"'), ("5", b"5"), ("1.50", b"1.50"),
                            ("NULL", b"null"), ("1e300", b"1e300")):
            cursor.execute(f"SET @v = {value}")
            cursor.execute("EXECUTE p USING @v")
            assert cursor.fetchone()[0] == b'{"v":' + want + b"}"


# ---- random rows, read back by another reader of JSON ----

RANDOM_TABLE = """CREATE TABLE r (
  i BIGINT, u BIGINT UNSIGNED, z INT(9) ZEROFILL, n DECIMAL(30,8), d DOUBLE,
  f DOUBLE(20,6), s VARCHAR(99), b BLOB, t DATETIME(6))"""
PIECES = [b'"', b"\\", b"\n", b"\0", b"\x1f", b"\x7f", b"abc", b"/",
          "щ".encode(), "₽".encode(), "😀".encode(), "\U0010ffff".encode(),
          b"\x80", b"\xc0\xaf", b"\xe0\x80\x80", b"\xe2\x82", b"\xed\xa0\x80",
          b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xff"]


def random_bytes(rng):
    """Bytes that come close to UTF-8 and often are not."""
    if rng.random() < 0.3:
        return rng.randbytes(rng.randrange(40))
    return b"".join(rng.choices(PIECES, k=rng.randrange(12)))


def random_row(rng):
    """Values of one row of the random table, any of them NULL at times."""
    row = [rng.randint(-2**63, 2**63 - 1), rng.randrange(2**64),
           rng.randrange(2**rng.randrange(1, 32)),
           f"{rng.randint(-10**22, 10**22)}.{rng.randrange(10**8):08}",
           rng.uniform(-1, 1) * 10.0**rng.randint(-300, 300),
           rng.uniform(-1, 1) * 10.0**rng.randint(-3, 9),
           random_bytes(rng).decode("utf-8", "ignore"), random_bytes(rng),
           f"20{rng.randrange(10, 99)}-01-01 00:00:{rng.randrange(60):02}"]
    return [None if rng.random() < 0.1 else value for value in row]


def expected(row):
    """What json gives back for the row that the server shows as text."""
    i, u, z, n, d, f, s, b, t = row
    return {"i": i, "u": u, "z": z, "n": n, "d": d, "f": f, "s": s,
            "b": None if b is None else b.decode("utf-8", "replace"), "t": t}


def test_random_rows_are_read_back_by_python(db):
    rng = random.Random(20240229)
    with db.connect("t") as link, link.cursor() as cursor:
        cursor.execute(RANDOM_TABLE)
        cursor.executemany(
            "INSERT INTO r VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s)",
            [random_row(rng) for _ in range(5000)])
        cursor.execute(
            "SELECT mbev_json('i',i,'u',u,'z',z,'n',n,'d',d,'f',f,'s',s,"
            "'b',b,'t',t), i, u, z, CAST(n AS CHAR), d, CAST(f AS CHAR), s, b,"
            "CAST(t AS CHAR) FROM r")
        rows = cursor.fetchall()
    assert len(rows) == 5000
    for text, *row in rows:
        # The decimal places of n and f have to be the server's own.
        got = json.loads(text.decode("utf-8"), parse_float=str)
        got["d"] = None if got["d"] is None else float(got["d"])
        assert got == expected(row), text


# ---- size ----

def test_column_made_from_a_result_holds_a_megabyte(db):
    db.sql("CREATE TABLE c AS SELECT mbev_json('v', REPEAT('я', 500000)) v",
           "t")
    kind, = db.sql("SELECT data_type FROM information_schema.columns "
                   "WHERE table_schema = 't' AND table_name = 'c'")[0]
    assert kind == "longblob"
    value, = db.sql("SELECT v FROM c", "t")[0]
    assert json.loads(value) == {"v": "я" * 500000}


def test_lengths_that_vary_from_row_to_row(db):
    lengths = [0, 1, 100, 511, 512, 513, 3000000, 5, 0, 70000]
    db.sql("CREATE TABLE c (k INT PRIMARY KEY, v LONGTEXT)", "t")
    for k, length in enumerate(lengths):
        db.sql(f"INSERT INTO c VALUES ({k}, REPEAT('\\n', {length}))", "t")
    rows = db.sql("SELECT mbev_json('v', v) FROM c ORDER BY k", "t")
    assert [len(json.loads(text)["v"]) for text, in rows] == lengths


# ---- uses that the optimiser treats each in its own way ----

def test_two_uses_in_one_expression(db):
    text, = db.sql("SELECT CONCAT(mbev_json('a', 1), mbev_json('b', 2))")[0]
    assert text == b'{"a":1}{"b":2}'


def test_a_use_inside_a_use(db):
    text, = db.sql("SELECT mbev_json('a', mbev_json('b', 'щ'))")[0]
    assert json.loads(json.loads(text)["a"]) == {"b": "щ"}


def test_grouping_sorting_and_temporary_tables(db):
    db.sql("CREATE TABLE c (v INT); INSERT INTO c VALUES (2), (1), (2)", "t")
    for query, want in (
            ("SELECT mbev_json('v', v, 'n', COUNT(*)) FROM c "
             "GROUP BY v WITH ROLLUP",
             [b'{"v":1,"n":1}', b'{"v":2,"n":2}', b'{"v":null,"n":3}']),
            ("SELECT DISTINCT mbev_json('v', v) j FROM c ORDER BY j DESC",
             [b'{"v":2}', b'{"v":1}']),
            ("SELECT mbev_json('v', 1) UNION SELECT mbev_json('v', 2)",
             [b'{"v":1}', b'{"v":2}'])):
        assert [text for text, in db.sql(query, "t")] == want


def test_view_and_procedure(db):
    db.sql("CREATE TABLE c (v DECIMAL(9,2)); INSERT INTO c VALUES (1.5);"
           "CREATE VIEW w AS SELECT mbev_json('v', v) j FROM c;"
           "CREATE PROCEDURE p() BEGIN DECLARE x BIGINT UNSIGNED DEFAULT -1;"
           "SET x = 18446744073709551615; SELECT mbev_json('x', x); END", "t")
    assert db.sql("SELECT j FROM w", "t") == [(b'{"v":1.50}',)]
    with db.connect("t") as link, link.cursor() as cursor:
        cursor.execute("CALL p()")
        assert cursor.fetchone() == (b'{"x":18446744073709551615}',)


def test_name_that_changes_while_the_statement_runs(db):
    db.sql("CREATE TABLE c (v INT); INSERT INTO c VALUES (1), (2);"
           "CREATE FUNCTION spoil() RETURNS INT"
           " BEGIN SET @n = CONCAT(@n, '!'); RETURN 0; END", "t")
    rows = db.sql("SET @n = 'a';"
                  "SELECT mbev_json(@n, v), LENGTH(@n), spoil() FROM c", "t")
    assert [row[0] for row in rows] == [b'{"a":1}', b'{"a":2}']
    assert rows[0][1] < rows[1][1]


# ---- mistakes ----

NAME_VARIES = "a name must be a constant and not NULL"
MISTAKES = {
    "mbev_json('a')": "argument 1: this name has no value",
    "mbev_json('a', 1, 'b')": "argument 3: this name has no value",
    "mbev_json(1, 2)": "argument 1: a name must be a string",
    "mbev_json(NULL, 2)": f"argument 1: {NAME_VARIES}",
    "mbev_json('a', 1, CONCAT(RAND()), 2)": f"argument 3: {NAME_VARIES}",
    "mbev_json('a', 1, 'b', 2, 'a', 3)": "argument 5: this name is there "
                                         "already",
    "mbev_json(_binary x'DD', 1)": "argument 1: a name must be valid UTF-8",
    "mbev_json(" + ",".join(f"'n{i}',1" for i in range(129)) + ")":
        "argument 257: too many arguments",
    "mbev_ring('/tmp/path')": "mbev_ring() takes no arguments",
    "mbev_version(1)": "mbev_version() takes no arguments",
}


@pytest.mark.parametrize("call", MISTAKES, ids=lambda call: call[:40])
def test_mistake_is_told_when_the_statement_is_prepared(db, call):
    name = call.split("(")[0]
    quoted = call.replace("'", "''")
    with pytest.raises(pymysql.Error) as told:
        db.sql(f"PREPARE p FROM 'SELECT {quoted}'")
    assert told.value.args == (
        1123, f"Can't initialize function '{name}'; {MISTAKES[call]}")


def test_row_as_value_is_refused(db):
    with pytest.raises(pymysql.Error):
        db.sql("SELECT mbev_json('a', (1, 2))")


# ---- triggers ----

TRIGGERED = """
CREATE TABLE pay (
  id INT AUTO_INCREMENT PRIMARY KEY, summa DOUBLE(20,6), uid INT(9) ZEROFILL,
  big BIGINT UNSIGNED, price DECIMAL(20,6), rate FLOAT,
  fio VARCHAR(40) CHARACTER SET koi8r, date DATETIME);
CREATE TABLE outbox (
  id INT AUTO_INCREMENT PRIMARY KEY, body MEDIUMTEXT NOT NULL)
  CHARACTER SET utf8mb4;
CREATE TRIGGER pay_ai AFTER INSERT ON pay FOR EACH ROW
BEGIN
  INSERT INTO outbox (body) VALUES (mbev_json(
    'id', NEW.id, 'summa', NEW.summa, 'uid', NEW.uid, 'big', NEW.big,
    'price', NEW.price, 'rate', NEW.rate,
    'fio', CONVERT(NEW.fio USING utf8mb4), 'date', NEW.date));
  DO mbev_ring();
END
"""


def test_trigger_gets_new_values(db):
    db.sql(TRIGGERED, "t")
    db.sql("INSERT INTO pay VALUES"
           " (1, 100.5, 42, 18446744073709551615, -1.5, 1.1,"
           "  'Щукин \"Ё\"', '2024-02-29 12:00:00'),"
           " (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL)", "t")
    rows = db.sql("SELECT body FROM outbox ORDER BY id", "t")
    assert rows == [
        ('{"id":1,"summa":100.500000,"uid":42,"big":18446744073709551615,'
         '"price":-1.500000,"rate":1.1,"fio":"Щукин \\"Ё\\"",'
         '"date":"2024-02-29 12:00:00"}',),
        ('{"id":2,"summa":null,"uid":null,"big":null,"price":null,'
         '"rate":null,"fio":null,"date":null}',)]


def number_of_sockets(db):
    """All sockets of the server, with those of its connections."""
    return sum(file.startswith("socket:") for file in open_files(db))


def insert_rows(db, worker, count):
    """One connection that inserts rows, one by one."""
    with db.connect("t") as link, link.cursor() as cursor:
        for i in range(count):
            cursor.execute("INSERT INTO pay (summa, uid, fio) VALUES "
                           "(%s, %s, %s)", (i, worker, "Я" * (i % 40)))


def test_fifty_connections_at_once_leak_no_descriptor(db):
    db.sql(TRIGGERED, "t")
    before = number_of_sockets(db)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda worker: insert_rows(db, worker, 200), range(50)))
    assert doorbell_sockets(db) == 1
    wait_until(lambda: number_of_sockets(db) <= before + 1, 10,
               "end of the connections")
    bodies = [json.loads(body) for body, in
              db.sql("SELECT body FROM outbox", "t")]
    assert len(bodies) == 50 * 200
    for body in bodies:
        assert body["fio"] == "Я" * (int(float(body["summa"])) % 40)


# ---- the doorbell ----

def test_ring_is_heard(db, doorbell):
    assert db.sql("SELECT mbev_ring()") == [(0,)]
    assert len(doorbell.recv(16)) == 1


def test_each_row_rings(db, doorbell):
    db.sql(TRIGGERED, "t")
    db.sql("INSERT INTO pay (summa) VALUES (1), (2), (3)", "t")
    for _ in range(3):
        assert len(doorbell.recv(16)) == 1


def test_payment_succeeds_while_nobody_reads_the_doorbell(db, doorbell):
    db.sql(TRIGGERED, "t")
    insert_rows(db, 1, 2000)
    assert db.sql("SELECT COUNT(*) FROM outbox", "t") == [(2000,)]
    result, = db.sql("SELECT mbev_ring()")[0]
    assert result in (0, -11)


def test_ring_without_the_service(db):
    assert not os.path.exists(db.doorbell)
    assert db.sql("SELECT mbev_ring()") == [(-2,)]
    db.sql(TRIGGERED, "t")
    insert_rows(db, 1, 10)
    assert db.sql("SELECT COUNT(*) FROM outbox", "t") == [(10,)]


def test_ring_at_a_socket_left_by_a_dead_service(db, doorbell):
    doorbell.close()
    assert db.sql("SELECT mbev_ring()") == [(-111,)]
