"""The documentation's own tools, and what is easily forgotten in it."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from skae.inspection._cli import _parser

DOCS = Path(__file__).parents[1] / "docs"

EXAMPLES = sorted(path.name for path in (DOCS / "examples").glob("plot_*.py"))

COMMAND = re.compile(r"python -m skae (compare[^`\n]*)")

COMMANDS = sorted(
    {
        command
        for path in (*DOCS.rglob("*.rst"), DOCS.parent / "README.md")
        for command in COMMAND.findall(path.read_text())
    }
)

PAGES = sorted(path.stem for path in (DOCS / "user_guide").glob("*.rst"))


@pytest.fixture
def check_links():
    spec = importlib.util.spec_from_file_location("check", DOCS / "check_links.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def site(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>")
    return folder


def test_links_that_lead_somewhere_are_none_that_are_broken(check_links, tmp_path):
    site(
        tmp_path,
        index='<a href="other.html#place">1</a> <a href="#here">2</a> <p id="here">'
        '<a href="https://example.org/x">3</a> <img src="a%20b.svg">'
        '<a href="sub/">4</a>'
        '<a href="mailto:a@example.org">5</a>',
        other='<h1 id="place">heading</h1>',
    )
    (tmp_path / "a b.svg").write_text("<svg/>")
    (tmp_path / "sub").mkdir()
    site(tmp_path / "sub", index='<a href="../index.html">up</a>')
    assert check_links.broken(tmp_path) == ([], 7)
    assert check_links.main(tmp_path) == 0


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ('<a href="gone.html">', "gone.html: there is no such file"),
        ('<a href="index.html#gone">', "index.html#gone: the page has no such id"),
        ('<a href="#gone">', "#gone: the page has no such id"),
        ('<img src="gone.png">', "gone.png: there is no such file"),
    ],
)
def test_links_that_lead_nowhere_are_told(check_links, tmp_path, capsys, link, why):
    site(tmp_path, index=link)
    assert check_links.main(tmp_path) == 1
    assert capsys.readouterr().out.startswith(f"index.html:1: {why}\n")


def test_a_folder_without_pages_is_not_called_good(check_links, tmp_path):
    assert check_links.main(tmp_path) == 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_stands_under_a_heading_of_the_gallery(name):
    header = (DOCS / "examples" / "GALLERY_HEADER.rst").read_text()
    assert f"<sphx_glr_auto_examples_{name}>" in header


def test_the_gallery_has_fifteen_examples_or_more():
    assert len(EXAMPLES) >= 15


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"index"}))
def test_every_page_of_the_guide_stands_in_its_index(name):
    lines = (DOCS / "user_guide" / "index.rst").read_text().split()
    assert name in lines


def test_examples_are_shown_in_the_order_of_the_header(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    from gallery_order import AsInHeader

    key = AsInHeader(DOCS / "examples")
    names = [*EXAMPLES, "plot_unknown.py"]
    shown = sorted(names, key=key)
    assert shown[0] == "plot_quick_start.py"
    assert shown[-1] == "plot_unknown.py"


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.endswith("--help")])
def test_commands_that_are_shown_are_taken(command):
    assert _parser().parse_args(shlex.split(command)).data


def test_there_are_commands_to_be_tried():
    assert "compare" in COMMANDS
    assert len(COMMANDS) >= 3
