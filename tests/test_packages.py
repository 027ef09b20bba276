"""The Debian packages, made from this build: what they say of themselves, what
is in them, and that their scripts do no more than they should. That they can
be installed and taken away again, scripts/package.sh tries in a Debian."""

import re
import shutil
import subprocess

import pytest

from harness.server import REPO, build_dir

SERVICE, SERVER = "mikbill-events", "mikbill-events-server"
PACKAGING = REPO / "packaging"
SCRIPTS = sorted([*PACKAGING.glob("deb/*/p[or]*"),
                  *PACKAGING.glob("rpm/p[or]*")])
INI = "/etc/mikbill-events/mbevd.ini"
DOC = "/usr/share/doc/"
FILES = {
    SERVICE: {
        INI: "-rw-r-----",
        "/usr/bin/mbevctl": "-rwxr-xr-x",
        "/usr/sbin/mbevd": "-rwxr-xr-x",
        "/usr/lib/systemd/system/mbevd.service": "-rw-r--r--",
        "/usr/lib/sysusers.d/mbevd.conf": "-rw-r--r--",
        "/usr/lib/tmpfiles.d/mbevd.conf": "-rw-r--r--",
        "/usr/share/bash-completion/completions/mbevctl": "-rw-r--r--",
        "/usr/share/lintian/overrides/mikbill-events": "-rw-r--r--",
        "/usr/share/mikbill-events/grafana-dashboard.json": "-rw-r--r--",
        "/usr/share/mikbill-events/prometheus-alerts.yml": "-rw-r--r--"},
    SERVER: {
        "/usr/lib/mikbill-events/mbev.so": "-rw-r--r--",
        **{f"/usr/share/mikbill-events/sql/{name}.sql": "-rw-r--r--"
           for name in ("schema", "grants", "triggers", "uninstall")}}}


def run(*words, **more):
    """Run a tool; what it writes."""
    done = subprocess.run([str(word) for word in words], text=True, check=False,
                          timeout=60, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    assert done.returncode == 0, done.stdout
    return done.stdout


def cached(name):
    """A variable of the build."""
    found = re.search(rf"^{name}:\w+=(.*)$",
                      (build_dir() / "CMakeCache.txt").read_text(), re.M)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    """Both packages: name to file."""
    if cached("MBEV_SANITIZE"):
        pytest.skip("packages are not made of a build with sanitizers")
    folder = tmp_path_factory.mktemp("packages")
    run("cpack", "-G", "DEB", "--config", build_dir() / "CPackConfig.cmake",
        "-B", folder, umask=0o077)
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


@pytest.fixture(scope="module")
def unpacked(debs, tmp_path_factory):
    """Name to a folder with what is in it, and DEBIAN beside."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name, deb in debs.items():
        run("dpkg-deb", "-R", deb, folder / name)
    return {name: folder / name for name in debs}


def field(deb, name):
    """A control field."""
    return run("dpkg-deb", "-f", deb, name).strip()


def entries(deb):
    """(mode, owner, path) of all that is in it."""
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner, _, _, _, path = line.split(None, 5)
        yield mode, owner, path.removeprefix(".").rstrip("/")


def test_there_are_two(debs):
    assert set(debs) == {SERVICE, SERVER}


@pytest.mark.parametrize("name, section", [(SERVICE, "admin"),
                                           (SERVER, "database")])
def test_what_it_says_of_itself(debs, name, section):
    deb = debs[name]
    assert field(deb, "Package") == name
    assert field(deb, "Section") == section
    assert field(deb, "Priority") == "optional"
    assert field(deb, "Homepage") == ""
    assert field(deb, "Architecture") == run(
        "dpkg", "--print-architecture").strip()
    assert "mbevd " + field(deb, "Version") == run(
        build_dir() / "mbevd", "--version").strip()
    assert re.fullmatch(r"[^<>]+ <[^<>@ ]+@[^<>@ ]+>", field(deb, "Maintainer"))
    assert int(field(deb, "Installed-Size")) > 100
    summary, *text = field(deb, "Description").splitlines()
    assert 20 < len(summary) < 80 and len(text) > 4


def test_each_has_a_summary_of_its_own(debs):
    first = {field(deb, "Description").splitlines()[0]
             for deb in debs.values()}
    assert len(first) == 2


def needed(deb):
    """Names of the packages that it depends on, alternatives apart."""
    return set(re.findall(r"(?:^|[,|] )([a-z0-9.+-]+)", field(deb, "Depends")))


def test_the_service_needs_its_libraries(debs):
    assert needed(debs[SERVICE]) >= {
        "libc6", "libcurl4", "libjson-c5", "libmariadb3", "libmicrohttpd12",
        "libssh2-1", "libssl3", "libxml2", "systemd", "procps", "tzdata",
        "ca-certificates"}
    # The other one may be on another host.
    assert SERVER not in needed(debs[SERVICE])


def test_the_library_needs_libc_alone(debs):
    assert needed(debs[SERVER]) == {"libc6"}


@pytest.mark.parametrize("name", FILES)
def test_what_is_in_it(debs, name):
    inside = {path: mode for mode, _, path in entries(debs[name])
              if mode[0] != "d"}
    documents = {path for path in inside
                 if path.startswith((DOC + name + "/", "/usr/share/man/"))}
    assert {path: mode for path, mode in inside.items()
            if path not in documents} == FILES[name]
    assert {inside[path] for path in documents} == {"-rw-r--r--"}
    assert {DOC + f"{name}/copyright", DOC + f"{name}/changelog.gz"} < documents
    assert all(path.endswith(".gz") for path in documents if "/man/" in path)


def test_documents_are_with_the_service(unpacked):
    doc = unpacked[SERVICE] / "usr/share/doc/mikbill-events"
    assert (doc / "README.md").is_file() and (doc / "README.ru.md").is_file()
    assert ({path.name for path in (REPO / "docs").glob("*.md")}
            == {path.name for path in (doc / "docs").glob("*.md")})


@pytest.mark.parametrize("name", FILES)
def test_all_is_roots_and_nobody_else_may_write(debs, name):
    for mode, owner, path in entries(debs[name]):
        assert owner == "root/root", path
        assert mode[5] == mode[8] == "-" and "s" not in mode, path
        assert mode[0] in "-d", path
        assert mode[0] == "-" or mode == "drwxr-xr-x", path


def test_no_file_is_in_both(debs):
    one, other = ({path for mode, _, path in entries(deb) if mode[0] != "d"}
                  for deb in debs.values())
    assert not one & other


def test_the_configuration_is_kept_over_upgrades(unpacked):
    root = unpacked[SERVICE]
    assert (root / "DEBIAN/conffiles").read_text().split() == [
        f"/{path.relative_to(root)}" for path in (root / "etc").rglob("*")
        if path.is_file()] == [INI]
    assert (root / INI[1:]).read_bytes() == (
        REPO / "conf/mbevd.ini").read_bytes()
    assert not (unpacked[SERVER] / "DEBIAN/conffiles").exists()


def test_the_unit_starts_what_is_packed(unpacked):
    root = unpacked[SERVICE]
    unit = (root / "usr/lib/systemd/system/mbevd.service").read_text()
    program = re.search(r"^ExecStart=/(\S+)", unit, re.M)[1]
    assert (root / program).is_file()


def test_programs_have_no_debugging_in_them(unpacked):
    for path in (unpacked[SERVICE] / "usr/sbin/mbevd",
                 unpacked[SERVICE] / "usr/bin/mbevctl",
                 unpacked[SERVER] / "usr/lib/mikbill-events/mbev.so"):
        assert ".debug_info" not in run("readelf", "-SW", path)


def test_the_changelog_is_of_this_version(debs, unpacked):
    for name, root in unpacked.items():
        text = run("zcat", root / f"usr/share/doc/{name}/changelog.gz")
        assert text.startswith(
            f"mikbill-events ({field(debs[name], 'Version')}) ")
        assert re.search(r"^ -- .* <.*>  \w{3}, \d\d \w{3} \d{4} ", text, re.M)


def test_the_licence_is_that_of_the_source():
    said = re.sub(r"^ \.?", "", (PACKAGING / "copyright").read_text(), flags=re.M)
    terms = (REPO / "LICENSE").read_text().split("\n\n", 2)[2]
    assert said.endswith(terms)
    assert "Copyright: 2026 the mikbill-events authors" in said


@pytest.mark.parametrize("name", FILES)
def test_scripts_are_those_of_the_source(unpacked, name):
    kind = {SERVICE: "service", SERVER: "server"}[name]
    inside = {path.name: path for path in (unpacked[name] / "DEBIAN").iterdir()}
    for path in (PACKAGING / "deb" / kind).glob("p*"):
        assert inside.pop(path.name).read_bytes() == path.read_bytes()
    assert set(inside) - {"conffiles"} == {"control", "md5sums"}


@pytest.mark.parametrize("script", SCRIPTS,
                         ids=lambda path: "-".join(path.parts[-3:]))
def test_scripts_are_sound(script):
    run("sh", "-n", script)
    assert shutil.which("shellcheck"), "package shellcheck is missing"
    assert run("shellcheck", "-s", "sh", script) == ""
    if script.parent.parent.name == "deb":
        assert script.read_text().startswith("#!/bin/sh\n")
        assert "\nset -e\n" in script.read_text()
        assert script.stat().st_mode & 0o111 == 0o111


@pytest.fixture
def only(tmp_path):
    """Where a script finds nothing but cat: whatever else it calls fails."""
    (tmp_path / "cat").symlink_to(shutil.which("cat"))
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize("script, words", [
    ("service/postinst", "abort-upgrade 0.0.9"),
    ("service/postinst", "abort-remove"),
    ("service/prerm", "upgrade 0.2"),
    ("service/prerm", "failed-upgrade 0.0.9"),
    ("service/postrm", "upgrade 0.2"),
    ("service/postrm", "failed-upgrade 0.0.9"),
    ("service/postrm", "abort-install"),
    ("server/postinst", "abort-upgrade 0.0.9"),
    ("server/postrm", "upgrade 0.2"),
    ("server/postrm", "purge")])
def test_there_is_nothing_to_do(only, script, words):
    assert run("/bin/sh", PACKAGING / "deb" / script, *words.split(),
               env=only) == ""


def test_of_the_database_only_words(only):
    """The server's package says what to do, and does nothing."""
    script = PACKAGING / "deb/server/postinst"
    fresh = run("/bin/sh", script, "configure", env=only)
    assert "mbevctl install" in fresh and "plugin_dir" in fresh
    by_hand = (PACKAGING / "README.server").read_text()
    assert by_hand.index("schema.sql") < by_hand.index("grants.sql") < (
        by_hand.index("triggers.sql"))
    upgrade = run("/bin/sh", script, "configure", "0.0.9", env=only)
    assert "mbevctl upgrade" in upgrade and "never over the file" in upgrade
    gone = run("/bin/sh", PACKAGING / "deb/server/postrm", "remove", env=only)
    assert "uninstall.sql" in gone


@pytest.mark.parametrize("script", SCRIPTS,
                         ids=lambda path: "-".join(path.parts[-3:]))
def test_no_script_starts_the_service_or_comes_near_the_database(script):
    code = re.sub(r"<<'END'\n.*?^END$", "", script.read_text(),
                  flags=re.DOTALL | re.MULTILINE)
    code = re.sub(r"^\s*#.*$", "", code, flags=re.MULTILINE)
    code = re.sub(r'"[^"\n]*"', "", code)
    assert not re.search(r"\b(mysql|mariadb|plugin_dir|mbev\.so)\b", code)
    told = re.findall(r"(?:systemctl|deb-systemd-invoke)(?: --\S+)* ([a-z-]+)",
                      code)
    assert set(told) <= {"is-active", "daemon-reload", "try-restart", "stop",
                         "disable"}


def test_without_packages_it_is_installed_as_ever(tmp_path):
    """By cmake --install: nothing in /etc, and the sample beside."""
    run("cmake", "--install", build_dir(), "--prefix", "/usr",
        env={"DESTDIR": str(tmp_path), "PATH": "/usr/sbin:/usr/bin"})
    assert [path.name for path in tmp_path.iterdir()] == ["usr"]
    there = {f"/{path.relative_to(tmp_path)}"
             for path in tmp_path.rglob("*") if path.is_file()}
    packed = {path for files in FILES.values() for path in files
              if not path.startswith(("/etc/", "/usr/share/lintian/"))}
    assert {path for path in there if "/man/" not in path} == packed | {
        "/usr/share/mikbill-events/mbevd.ini"}
