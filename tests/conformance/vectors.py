"""Vector files: what is recorded, and the constants it was recorded with.

See tests/data/README.md for the format.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
COPIES = HERE.parent / "data" / "vectors"

MEMBERS = ("id", "kit", "schema", "event", "action", "routes", "relation",
           "state_sql", "event_sql")
MATRIX_MEMBERS = ("parameter", "results")
RUN_MEMBERS = ("provider", "fires", "expect")

# The matrix over discounts: a value such as "-,1,0,-,-" has a word for each
# of these keys, and - for a key that is not set.
DISCOUNTS_PARAMETER = "users_custom_fields values"
DISCOUNTS = ("ext_discount_global", "ext_discount_extended",
             "ext_discount_packet", "ext_discount_subs",
             "ext_discount_device")


class CannotRun(Exception):
    """The vector asks for something that the runner cannot do."""


@dataclass
class Script:
    """One vector file."""

    name: str
    vectors: list

    @property
    def title(self):
        """Name and kit, for people."""
        kits = sorted({vector.get("kit", "?") for vector in self.vectors})
        return f"{self.name} ({', '.join(kits)})"

    @property
    def runs(self):
        """How often the product runs, about: every value of a matrix."""
        return sum(len(vector.get("results", [vector]))
                   for vector in self.vectors)


def load_scripts(folder, names):
    """Every vector file below the folder; only those scripts, if named.

    Numbers are as they stand there, never floats.
    """
    scripts = []
    for path in sorted(Path(folder).rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"),
                             parse_float=Decimal)
        if _holds_vectors(content):
            name = content.get("script", path.stem)
            if not names or name in names:
                scripts.append(Script(name, content["vectors"]))
    return scripts


def _holds_vectors(content):
    """Other JSON files may lie there too, even with "vectors" of their own
    kind: ours have relations."""
    found = content.get("vectors", []) if isinstance(content, dict) else []
    return any("relation" in vector for vector in found)


def load_common(folder):
    """common.json of the folder, else the committed copy."""
    for place in (Path(folder), COPIES):
        if (place / "common.json").exists():
            text = (place / "common.json").read_text(encoding="utf-8")
            return json.loads(text)
    raise CannotRun("there is no common.json")


def load_list(name, columns):
    """Lines of a committed list: so many words, then a reason."""
    entries = {}
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            *words, reason = line.split(None, columns)
            entries[tuple(words)] = reason
    return entries


def check_members(vector):
    """Raise when the vector lacks a member."""
    wanted = MATRIX_MEMBERS if is_matrix(vector) else RUN_MEMBERS
    for name in MEMBERS + wanted:
        if name not in vector:
            raise CannotRun(f"the vector has no member '{name}'")
    if vector.get("kind", "matrix") != "matrix":
        raise CannotRun(f"unknown kind '{vector['kind']}'")


def is_matrix(vector):
    """True for a template with one outcome per value."""
    return "kind" in vector


def matrix_cases(vector):
    """(value, does ours fire, what is stated of the row that then appears,
    vector with the value put in), one by one."""
    results = vector["results"] | vector.get("exceptions", {})
    for value, result in results.items():
        stated = dict(result) if isinstance(result, dict) else {}
        fires = stated.pop("fires", result)
        if not isinstance(fires, bool):
            raise CannotRun(f"unknown result {result!r} in the matrix")
        yield value, fires, stated, vector | _filled(vector, value)


def _filled(vector, value):
    """The statements with the value of the matrix in its places."""
    if vector["parameter"] == DISCOUNTS_PARAMETER:
        place, put_in = "{VALUE}", _with_fields
    else:
        place, put_in = "{" + vector["parameter"].upper() + "}", _replaced
    if place not in str(vector["event_sql"] + vector["state_sql"]):
        raise CannotRun(f"no {place} in the statements of the matrix")
    return {name: [filled for sql in vector[name]
                   for filled in put_in(sql, place, value)]
            for name in ("state_sql", "event_sql")}


def _replaced(sql, place, value):
    return [sql.replace(place, value)]


def _with_fields(sql, place, value):
    """A statement for a field, once for each that is set."""
    if place not in sql:
        return [sql]
    words = value.split(",")
    if len(words) != len(DISCOUNTS):
        raise CannotRun(f"'{value}' is not a word for each discount")
    return [sql.replace("{KEY}", f"'{key}'").replace(place, f"'{word}'")
            for key, word in zip(DISCOUNTS, words) if word != "-"]


def constants_of(common, vector):
    """Constants of the vector's kit, with the vector's own over them."""
    constants = dict(common["constants_seed"])
    if vector["kit"] == "new":
        constants |= _constants_new(common["constants_new"])
    elif vector["kit"] != "seed":
        raise CannotRun(f"unknown kit '{vector['kit']}'")
    own = vector.get("constants", {})
    unknown = own.keys() - constants.keys()
    if unknown:
        raise CannotRun(f"unknown constants {sorted(unknown)}")
    return constants | own


def _constants_new(stated):
    """Differences of the new kit; some stand in words: NAME = 'value'."""
    constants = {}
    for name, value in stated.items():
        if name == "same as seed except":
            constants |= dict(re.findall(r"(\w+) = '([^']*)'", value))
        else:
            constants[name] = value
    return constants


def reply_of(common, vector, provider):
    """The canned reply of the provider, or None: nothing listens."""
    replies = common["provider_replies"].get(vector["provider"])
    if replies is None:
        raise CannotRun(f"unknown provider reply '{vector['provider']}'")
    if not provider or replies == "nothing listens on the port":
        return None
    if provider.name not in replies:
        raise CannotRun(f"no reply '{vector['provider']}' of {provider.name}")
    return replies[provider.name]
