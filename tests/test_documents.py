"""What the documents name is there: tests, files, headings, commands,
settings, and the words that the programs are said to write."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.server import build_dir

TESTS = Path(__file__).resolve().parent
REPO = TESTS.parent
DOCUMENTS = sorted([*REPO.glob("README*.md"), *REPO.glob("docs/*.md")])
TEXTS = {str(path.relative_to(REPO)): path.read_text("utf-8")
         for path in DOCUMENTS}
TRANSLATED = {"README.md": "README.ru.md",
              "docs/installation.md": "docs/installation.ru.md",
              "docs/troubleshooting.md": "docs/troubleshooting.ru.md"}
SHELL_WORDS = {"and", "or", "is", "in", "has", "does", "makes", "shows",
               "tells", "through", "takes"}


def named(pattern, texts=None):
    """(document, name) of all that is named so; no name twice."""
    return sorted({(document, name) for document, text in (texts or TEXTS)
                   .items() for name in re.findall(pattern, text)})


TEST_NAMES = named(r"`(?:tests/)?((?!tests/)(?:\w+/)+test_\w+\.py(?:::\w+)?)`")
LINKS = named(r"\]\((?!https?:)([^)\s]+)\)")
FILES = named(r"(?<![\w/.$~-])((?:sql|conf|scripts|docs|tests|udf|poller|ctl|"
              r"lib|bench)/(?!test_)[\w./-]*\w)")


def heading_names(document):
    """The anchors of a document, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", TEXTS[document],
                  flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.fixture(scope="module", name="verbs")
def _verbs():
    """verb -> its usage, as the program tells it."""
    def run(*words):
        return subprocess.run([build_dir() / "mbevctl", "help", *words],
                              check=True, capture_output=True,
                              text=True).stdout

    return {verb: run(verb) for verb in
            re.findall(r"^  ([a-z]+)  ", run(), re.MULTILINE)}


@pytest.fixture(scope="module", name="keys")
def _keys():
    """section -> its keys."""
    text = subprocess.run([build_dir() / "mbevd", "--ini"], check=True,
                          capture_output=True, text=True).stdout
    parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)[1:]
    return {section: set(re.findall(r"^(\w+) =", body, re.MULTILINE))
            for section, body in zip(parts[::2], parts[1::2])}


def test_it_names_tests():
    assert len([1 for document, _ in TEST_NAMES
                if document == "docs/reliability.md"]) > 50


@pytest.mark.parametrize("document, name", TEST_NAMES)
def test_a_test_that_is_named_exists(document, name):
    file, _, test = name.partition("::")
    assert (TESTS / file).is_file(), document
    assert not test or re.search(rf"^def {test}\(",
                                 (TESTS / file).read_text("utf-8"),
                                 re.MULTILINE)


@pytest.mark.parametrize("document, link", LINKS)
def test_a_link_leads_somewhere(document, link):
    path, _, heading = link.partition("#")
    to = document if not path else os.path.normpath(
        os.path.join(os.path.dirname(document), path))
    assert (REPO / to).exists()
    assert not heading or heading in heading_names(to), heading_names(to)


@pytest.mark.parametrize("document, file", FILES)
def test_a_file_that_is_named_exists(document, file):
    """Of a module its source may be meant."""
    assert (REPO / file).exists() or (REPO / f"{file}.c").exists(), document


@pytest.mark.parametrize("document", TEXTS)
def test_verbs_that_are_named_exist(document, verbs):
    used = set(re.findall(r"mbevctl (?:-c \w+ )?([a-z]+)\b", TEXTS[document]))
    assert used - SHELL_WORDS <= set(verbs)


@pytest.mark.parametrize("document", TEXTS)
def test_options_of_verbs_exist(document, verbs):
    for verb, words in re.findall(r"mbevctl ([a-z]+) ([^`\n|#;]*)",
                                  TEXTS[document]):
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", words):
            assert verb not in verbs or option in verbs[verb], (verb, option)


@pytest.mark.parametrize("document", TEXTS)
def test_settings_that_are_named_exist(document, keys):
    """`[section] key`, and lines of examples below a [section]."""
    text = TEXTS[document]
    for section, key in re.findall(r"`\[(\w+)\]\s+(\w+)", text):
        assert key in keys.get(section, ()), (section, key)
    for example in re.findall(r"^```\n(.*?)^```", text,
                              re.MULTILINE | re.DOTALL):
        section = None
        for line in example.splitlines():
            begun = re.fullmatch(r"\[(\w+)\]", line)
            key = re.match(r"(\w+) = ", line)
            section = begun[1] if begun else section
            if key and section in keys:
                assert key[1] in keys[section], (section, line)


@pytest.mark.parametrize("document", TEXTS)
def test_sections_that_are_named_exist(document, keys):
    used = set(re.findall(r"`\[(\w+)\]", TEXTS[document]))
    assert used <= {*keys, "section", "Service"}


def sources():
    """All that our programs and SQL can say, in one line each text."""
    texts = [path.read_text("utf-8") for folder in ("poller", "ctl", "lib")
             for path in sorted((REPO / folder).rglob("*.c"))]
    texts += [path.read_text("utf-8") for path in (REPO / "sql").glob("*.sql")]
    return re.sub(r'"\s*\n\s*"', "", "\n".join(texts))


@pytest.mark.parametrize("document", ["docs/troubleshooting.md",
                                      "docs/troubleshooting.ru.md"])
def test_words_that_are_quoted_are_said(document):
    """What stands in quotation marks, cut at "..."."""
    said = sources()
    quoted = re.findall(r"[\"«]([a-z(][^\"»\n]{9,})[\"»]", TEXTS[document])
    assert len(quoted) > 5
    for words in quoted:
        for part in words.split("..."):
            assert part.strip() in said, words


@pytest.mark.parametrize("english, russian", TRANSLATED.items())
def test_a_translation_has_the_same_parts(english, russian):
    """Headings by their depth, and blocks of commands; what they are."""
    def shape(document):
        return (re.findall(r"^(#+) ", re.sub(
                    r"^```.*?^```", "", TEXTS[document],
                    flags=re.MULTILINE | re.DOTALL), re.MULTILINE),
                TEXTS[document].count("\n```"))

    assert shape(english) == shape(russian)


@pytest.mark.parametrize("english, russian", TRANSLATED.items())
def test_a_translation_has_the_same_commands(english, russian):
    """Line by line, but for comments, words in capitals, reasons and what the
    reader fills in."""
    def commands(document):
        blocks = re.findall(r"^```\n(.*?)^```", TEXTS[document],
                            re.MULTILINE | re.DOTALL)
        lines = "".join(blocks).splitlines()
        return [re.sub(r"\s*#.*|[A-ZА-Я]{3,}|\"[^\"]*\"", "", line).rstrip()
                for line in lines if re.match(r"\s*(sudo|mysql>|docker)", line)]

    assert commands(english) == commands(russian)


@pytest.mark.parametrize("document", TEXTS)
def test_both_languages_lead_to_each_other(document):
    for english, russian in TRANSLATED.items():
        if document in (english, russian):
            other = russian if document == english else english
            assert f"({Path(other).name})" in TEXTS[document][:200]


def test_the_readme_leads_to_every_document():
    for path in (REPO / "docs").glob("*.md"):
        if not path.name.endswith(".ru.md"):
            assert f"(docs/{path.name})" in TEXTS["README.md"], path.name
