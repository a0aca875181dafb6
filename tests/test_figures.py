"""Figures of the README and of the guide are those of the benchmarks' JSON."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

CONTENT = {
    "rows": 60000,
    "times": [2.0, 3.0, 10.0],
    "by name": {"a / b": 2e-6},
    "models": [
        {"model": "plain", "code": 8, "error": 0.5},
        {"model": "plain", "code": 32, "error": 0.25},
        {"model": "L1, 0.001", "code": 8, "error": 0.1},
    ],
}


@pytest.fixture
def figures(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import figures

    return figures


@pytest.fixture
def fill(figures):
    from _figures.fill import fill

    return fill


def test_what_is_written_is_what_the_benchmarks_found():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "figures.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "stale: nothing\n", done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{rows!,d} rows", "60,000 rows"),
        ("{times!.1f}", "5.0"),
        ("{times!median .0f}", "3"),
        ("{times!min .0f} to {times!max .0f}", "2 to 10"),
        ("{by name > a / b!.0e}", "2e-6"),
        ("{rows!.3f}", "60,000"),
        ("{models > model=plain & code=8 > error!.0%}", "50 %"),
        ("{models > model=plain > error!.3f}", "0.375"),
        ("{models > model=L1, 0.001 > error : models > code=32 > error!.2f}", "0.40"),
        ("no figure", "no figure"),
    ],
)
def test_places_are_filled(fill, text, expected):
    assert fill(text, CONTENT) == expected


@pytest.mark.parametrize(
    "path", ["rowes", "models > model=fancy > error", "models > model=plain > size"]
)
def test_a_figure_that_is_not_there_is_an_error(fill, path):
    with pytest.raises(KeyError, match="nothing is at"):
        fill(f"{{{path}!.1f}}", CONTENT)


def test_a_place_that_is_not_closed_is_an_error(fill):
    with pytest.raises(ValueError, match="a brace is left over"):
        fill("{rows,d}", CONTENT)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("<!-- figures: a table -->", "<!-- figures: end -->"),
        (".. figures: a table", ".. figures: end"),
    ],
)
def test_only_what_stands_between_the_marks_is_written(figures, begin, end):
    text = f"before\n\n{begin}\n\nold 1\n\n{end}\n\nafter 1\n"
    once = figures.renewed(text, {"a table": lambda: ["new", "lines"]})
    assert once == f"before\n\n{begin}\n\nnew\nlines\n\n{end}\n\nafter 1\n"
    assert figures.renewed(once, {"a table": lambda: ["new", "lines"]}) == once


def test_marks_that_are_not_there_are_an_error(figures):
    with pytest.raises(ValueError, match="no marks for the figures lost"):
        figures.renewed("a text", {"lost": lambda: ["line"]})
