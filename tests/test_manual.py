"""The manual: what is generated says what the programs say, mandoc finds no
fault in it, and it fits a terminal."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.server import REPO, build_dir

PAGES = ["mbevd.8", "mbevctl.8", "mbevd.ini.5", "mikbill-events.7"]
WIDTH = 80


def run(*words, **more):
    """What a program writes; it has to end well."""
    done = subprocess.run([str(word) for word in words], text=True, timeout=60,
                          check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    assert done.returncode == 0, done.stdout
    return done.stdout


def mandoc(*words):
    """The same of mandoc, which has to be there."""
    assert shutil.which("mandoc"), "mandoc is missing: package mandoc"
    return run("mandoc", *words)


def source(page):
    """The file that the build has made."""
    return build_dir() / "man" / page


def shown(page):
    """A page as a terminal without bold and underlined shows it."""
    return re.sub(".\b", "", mandoc("-Tutf8", source(page)))


def flat(text):
    """Text without its line ends and columns."""
    return " ".join(text.split())


def sample():
    """(section, key) -> values, of the sample configuration."""
    values, section = {}, None
    for line in run(build_dir() / "mbevd", "--ini").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith(";"):
            key, _, value = line.partition(" =")
            values.setdefault((section, key), []).append(value.strip())
    return values


def settings():
    """section -> its part of the page, flat."""
    body = re.search(r"^SETTINGS$(.*?)^FILES$", shown("mbevd.ini.5"),
                     re.MULTILINE | re.DOTALL)[1]
    parts = re.split(r"^   \[(\w+)\]$", body, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def verbs():
    """The names of all verbs, by the program."""
    return re.findall(r"^  ([a-z]+)  ", run(build_dir() / "mbevctl", "help"),
                      re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_finds_no_fault(page):
    assert mandoc("-Tlint", "-Wwarning", source(page)) == ""


@pytest.mark.parametrize("page", PAGES)
def test_it_fits_a_terminal(page):
    lines = shown(page).splitlines()
    assert len(lines) > 50
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("page", PAGES)
def test_no_mark_of_the_template_is_left(page):
    assert not re.search(r"@[A-Z_]+@", source(page).read_text("ascii"))


@pytest.mark.parametrize("page", PAGES)
def test_pages_that_are_named_exist(page):
    named = set(re.findall(r"^\.Xr (\S+) (\d)", source(page).read_text(),
                           re.MULTILINE))
    names = {f"{name}.{number}".replace("\\", "") for name, number in named}
    assert names and names <= set(PAGES)
    assert page not in names


def test_every_section_and_key_is_there():
    parts, keys = settings(), sample()
    assert len(keys) > 200
    assert list(parts) == list(dict.fromkeys(s for s, _ in keys))
    for section, key in keys:
        assert re.search(rf"^     {key}(  |$)", parts[section],
                         re.MULTILINE), (section, key)


def test_every_default_is_there():
    parts = {name: flat(text) for name, text in settings().items()}
    for (section, key), values in sample().items():
        want = ("default: empty" if values == [""] else
                "default: " + ", ".join(f"“{flat(v)}”" for v in values))
        assert want in parts[section], (section, key)


def key_of(section, key):
    """What the page says of one key, flat."""
    entry = re.search(rf"^     {key}(?:  |$).*?(?=^     \S|\Z)",
                      settings()[section], re.MULTILINE | re.DOTALL)
    return flat(entry[0])


def test_every_help_is_there_and_what_needs_a_restart():
    text = run(build_dir() / "mbevd", "--ini")
    entries = {}
    for section, body in zip(*[iter(re.split(
            r"^\[(\w+)\]$", text, flags=re.MULTILINE)[1:])] * 2):
        for help_, key in re.findall(r"((?:^; .*\n)+)(\w+) =", body,
                                     re.MULTILINE):
            entries[section, key] = help_
    assert len(entries) > 200
    for (section, key), help_ in entries.items():
        told = key_of(section, key)
        words = flat(re.sub("^; ", "", help_, flags=re.MULTILINE))
        restart = words.endswith("(needs a restart)")
        assert words.removesuffix(" (needs a restart)") in told, (section, key)
        assert ("Needs a restart." in told) == restart, (section, key)


def test_secrets_are_marked():
    secrets = {(s, k) for s, k in sample()
               if "A secret: it is never shown" in key_of(s, k)}
    assert secrets == {("database", "password"), ("smspilot", "api_key"),
                       ("smsc", "password"), ("smsc", "api_key"),
                       ("komtet", "secret"), ("webhook", "secret"),
                       ("webhook", "secret_before"), ("kafka", "password")}


def test_bounds_are_those_that_are_checked(tmp_path):
    """What is said to be the most is good, and one more is not."""
    least, most = re.search(r"from (\d+) to (\d+)",
                            key_of("service", "batch")).groups()
    for value, good in ((least, True), (most, True), (int(most) + 1, False)):
        file = tmp_path / "mbevd.ini"
        file.write_text(f"[service]\nbatch = {value}\n[payment]\nsms = no\n")
        file.chmod(0o600)
        done = subprocess.run([build_dir() / "mbevd", "-t", "-c", file],
                              capture_output=True, text=True, check=False)
        assert ("must be from" not in done.stderr) == good, done.stderr


def test_every_verb_is_there_with_its_words():
    page = flat(shown("mbevctl.8"))
    assert len(verbs()) > 20
    for verb in verbs():
        told = run(build_dir() / "mbevctl", "help", verb)
        usage = re.match(r"usage: mbevctl (.*)", told)[1]
        line = re.search(rf"^{verb}: (.*)$", told, re.MULTILINE)[1]
        assert f" {usage} {line[0].upper()}{line[1:]}. " in page, verb


def test_all_that_help_tells_of_a_verb_is_there():
    page = flat(shown("mbevctl.8"))
    for verb in verbs():
        told = run(build_dir() / "mbevctl", "help", verb)
        more = re.search(rf"^{verb}: .*?\n(.*)^Options:", told,
                         re.MULTILINE | re.DOTALL)[1]
        assert flat(more) in page, verb


def test_every_exit_code_of_help_is_there():
    told = flat(run(build_dir() / "mbevctl", "help")).split("Ends with ")[1]
    page = shown("mbevctl.8").split("EXIT STATUS")[1]
    assert (set(re.findall(r"\b\d+\b", told))
            == set(re.findall(r"^     (\d+)\b", page, re.MULTILINE)))


def test_every_option_of_the_service_is_there():
    page = shown("mbevd.8")
    told = run(build_dir() / "mbevd", "--help")
    assert len(re.findall(r"--\w+", told)) > 6
    for option in re.findall(r"--\w+", told):
        assert re.search(rf"{option}\b", page), option


@pytest.mark.parametrize("page", PAGES)
def test_paths_are_those_that_are_built_in(page):
    """And with the default ones, those of the unit."""
    built_in = {values[0] for (section, key), values in sample().items()
                if section == "service"
                and key in ("doorbell", "control", "state_dir")}
    built_in.add(re.search(r"default (\S+)\)",
                           run(build_dir() / "mbevd", "--help"))[1])
    assert len(built_in) == 4
    named = set(re.findall(r"(?<![\w.])/(?:run|var/lib|etc)/[\w./-]*\w",
                           shown(page)))
    assert named - built_in <= {"/etc/mikbill-events/smspilot.secret"}
    assert named


@pytest.fixture(scope="module", name="installed")
def _installed(tmp_path_factory):
    """Paths of all that is installed with --prefix /usr."""
    root = tmp_path_factory.mktemp("root")
    run("cmake", "--install", build_dir(), "--prefix", "/usr",
        env={**os.environ, "DESTDIR": str(root)})
    return {"/" + str(path.relative_to(root)): path
            for path in root.rglob("*")}


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_are_installed(installed, page):
    path = f"/usr/share/man/man{page[-1]}/{page}"
    assert installed[path].read_bytes() == source(page).read_bytes()


@pytest.mark.parametrize("page", PAGES)
def test_what_is_said_to_be_installed_is(installed, page):
    named = re.findall(r"/usr/[\w./-]*\w", shown(page))
    assert [path for path in named if path not in installed] == []


def test_the_unit_names_pages_that_exist():
    unit = Path(REPO / "conf" / "mbevd.service").read_text()
    named = re.search(r"^Documentation=(.*)$", unit, re.MULTILINE)[1].split()
    assert named and all(
        re.fullmatch(r"man:([\w-]+)\((\d)\)", name).expand(r"\1.\2") in PAGES
        for name in named)
