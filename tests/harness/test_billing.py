"""The billing that the tests use is the one that the facts describe."""

import pytest

from harness import billing


@pytest.mark.parametrize("generation", billing.GENERATIONS)
def test_created_schema_equals_the_facts(server, generation):
    name = f"facts_{generation}"
    billing.create_billing(server, name, generation)
    try:
        assert billing.differences(server, name, generation) == []
        stated = billing.facts(f"plategi-types-{generation}")
        assert server.sql("SELECT COUNT(*), SUM(deposit_action = '+') "
                          "FROM bugh_plategi_type", name) == [
            (len(stated), sum(t["deposit_action"] == "+" for t in stated))]
    finally:
        server.sql(f"DROP DATABASE {name}")


def test_every_table_can_be_myisam_and_utf8mb4(server):
    billing.create_billing(server, "grown", "modern", engine="MyISAM",
                           charset="utf8mb4")
    try:
        assert server.sql("SELECT DISTINCT engine FROM "
                          "information_schema.tables "
                          "WHERE table_schema = 'grown'") == [("MyISAM",)]
        assert server.sql("SELECT COUNT(*) FROM information_schema.columns "
                          "WHERE table_schema = 'grown' AND "
                          "character_set_name = 'koi8r'") == [(0,)]
    finally:
        server.sql("DROP DATABASE grown")
