"""A billing database built from the facts in tests/data/mikbill.

    create_billing(db, generation="modern")

`db` is a harness.server.MariaDB. differences() reads a created schema back
and says where it is not what the facts say.
"""

import csv
from itertools import groupby
from pathlib import Path

FACTS = Path(__file__).resolve().parents[1] / "data" / "mikbill"
GENERATIONS = ("legacy", "modern")

# The small tables that come filled: facts file -> table.
DICTIONARIES = {
    "plategi-types": "bugh_plategi_type",
    "uslugi-types": "bugh_uslugi_type",
    "log-types": "logtype",
    "pay-api-status": "addons_pay_api_status",
    "sms-types": "sms_type",
}


def facts(name):
    """Rows of one facts file as dictionaries; \\N is None."""
    with open(FACTS / f"{name}.tsv", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [{key: None if value == "\\N" else value
                 for key, value in row.items()} for row in rows]


def create_billing(db, name="mikbill", generation="legacy", engine=None,
                   charset=None):
    """Create every table the facts know and fill the dictionaries.

    engine   put every table into this engine, as grown installations have
    charset  instead of koi8r, as new installations have (utf8mb4)
    """
    statements = [
        "SET SESSION sql_mode=''",
        f"CREATE DATABASE {quote(name)} DEFAULT CHARACTER SET koi8r",
        f"USE {quote(name)}",
        *_create_tables(generation, engine, charset),
    ]
    db.sql(";\n".join(statements))
    for fact in DICTIONARIES:
        if (FACTS / f"{fact}-{generation}.tsv").exists():
            fill_dictionary(db, name, generation, fact)


def fill_dictionary(db, name, generation, fact):
    """Fill one dictionary table, emptied first, from its facts file."""
    table = quote(DICTIONARIES[fact])
    rows = [list(row.values()) for row in facts(f"{fact}-{generation}")]
    places = ", ".join(["%s"] * len(rows[0]))
    with db.connect(name) as link, link.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")
        cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def differences(db, name, generation):
    """Where the schema is not as the facts say, one line each."""
    return (_compare("columns", _stated_columns(generation),
                     _real_columns(db, name))
            + _compare("indexes", _stated_indexes(generation),
                       _real_indexes(db, name)))


def quote(name):
    """An SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def _create_tables(generation, engine, charset):
    indexes = _by_table(facts(f"indexes-{generation}"))
    for table, columns in _by_table(facts(f"schema-{generation}")).items():
        lines = [_column(column, charset) for column in columns]
        lines += _indexes(indexes.get(table, []))
        yield (f"CREATE TABLE {quote(table)} (\n  " + ",\n  ".join(lines)
               + f"\n) ENGINE={engine or columns[0]['engine']}")


def _by_table(rows):
    return {table: list(group)
            for table, group in groupby(rows, key=lambda row: row["table"])}


def _column(column, charset):
    """The definition of one column. `default` is an SQL expression."""
    words = [quote(column["column"]), column["column_type"]]
    if column["charset"]:
        other = charset if column["charset"] == "koi8r" else None
        words += ["CHARACTER SET", other or column["charset"]]
    words.append("NULL" if column["nullable"] == "YES" else "NOT NULL")
    if column["default"] is not None:
        words += ["DEFAULT", column["default"]]
    words.append(column["extra"])
    comment = column["comment"].replace("\\", "\\\\").replace("'", "''")
    return " ".join(words) + f" COMMENT '{comment}'"


def _indexes(rows):
    """Definitions of the indexes of one table."""
    for name, group in groupby(rows, key=lambda row: row["index"]):
        parts = list(group)
        columns = ", ".join(
            quote(part["column"])
            + (f"({part['sub_part']})" if part["sub_part"] else "")
            for part in parts)
        yield f"{_index_kind(name, parts[0])} ({columns}) " \
              f"USING {parts[0]['type']}"


def _index_kind(name, part):
    if name == "PRIMARY":
        return "PRIMARY KEY"
    unique = "UNIQUE " if part["non_unique"] == "0" else ""
    return f"{unique}KEY {quote(name)}"


def _stated_columns(generation):
    return {(row["table"], row["column"]): tuple(row.values())[2:]
            for row in facts(f"schema-{generation}")}


def _real_columns(db, name):
    rows = db.sql(f"""
        SELECT table_name, column_name, column_type, is_nullable,
               column_default, column_key, extra,
               IFNULL(character_set_name, ''), engine, ordinal_position,
               column_comment
        FROM information_schema.columns
        JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = '{name}'""")
    return {row[:2]: tuple(None if value is None else str(value)
                           for value in row[2:]) for row in rows}


def _stated_indexes(generation):
    return {(row["table"], row["index"], row["seq"]): tuple(row.values())[2:]
            for row in facts(f"indexes-{generation}")}


def _real_indexes(db, name):
    rows = db.sql(f"""
        SELECT table_name, index_name, non_unique, seq_in_index, column_name,
               IFNULL(sub_part, ''), index_type
        FROM information_schema.statistics
        WHERE table_schema = '{name}'""")
    texts = [tuple(str(value) for value in row) for row in rows]
    return {(row[0], row[1], row[3]): row[2:] for row in texts}


def _compare(what, stated, real):
    return [f"{what} {key}: stated {stated.get(key)}, real {real.get(key)}"
            for key in sorted(stated.keys() | real.keys())
            if stated.get(key) != real.get(key)]
