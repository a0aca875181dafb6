"""The fault matrix is complete: every row has tests, and on every kind of estimator.

A test says which rows it is about: ``@pytest.mark.fault(48)``. The rows, in words, are
on the page of promises, docs/promises.rst.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import skae

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "promises.rst"

ROWS = {*range(1, 93), *range(94, 101)}  # there is no row 93
WITHOUT_TESTS = set()
"""Rows whose tests are still to come."""

KINDS = {
    name
    for name in skae.__all__
    if hasattr(getattr(skae, name), "fit") and name != "AutoencoderTransformer"
}
PREDICTORS = {"AutoencoderClassifier", "AutoencoderRegressor"}
AUTOENCODERS = KINDS - PREDICTORS

NOT_OF_EVERY_KIND = {
    61: AUTOENCODERS,  # decode codes
    69: PREDICTORS | AUTOENCODERS,  # the latter are handed over to the former
    # May start where the last fit ended:
    72: {name for name in KINDS if "warm_start" in getattr(skae, name)().get_params()},
    # Of scripts, which have every kind in them, and of files:
    **{row: set() for row in [90, 91, 92, *range(94, 99)]},
}

COLLECT = """
import json, sys
import pytest

class Rows:
    def pytest_collection_finish(self, session):
        for item in session.items:
            rows = [row for mark in item.iter_markers("fault") for row in mark.args]
            given = getattr(item, "callspec", None)
            kinds = [
                getattr(value, "__name__", type(value).__name__)
                for value in (given.params.values() if given else ())
            ]
            print("found", json.dumps([rows, kinds]))

sys.exit(pytest.main(["--collect-only", "-qq", *sys.argv[1:]], plugins=[Rows()]))
"""


@pytest.fixture(scope="module")
def tested():
    """Kinds of estimators that the tests of a row are run on, by row."""
    files = [p for p in TESTS.rglob("*.py") if "mark.fault(" in p.read_text()]
    files = [
        str(p) for p in files if p.name not in {"conftest.py", Path(__file__).name}
    ]
    run = subprocess.run(
        [sys.executable, "-c", COLLECT, *files],
        capture_output=True,
        text=True,
        check=True,
        cwd=TESTS.parent,
    )
    kinds_of = defaultdict(set)
    for found in re.findall("^found (.*)", run.stdout, flags=re.MULTILINE):
        rows, kinds = json.loads(found)
        for row in rows:
            kinds_of[row].update(KINDS.intersection(kinds))
    return kinds_of


def test_every_row_has_a_test(tested):
    assert ROWS - set(tested) == WITHOUT_TESTS
    assert set(tested) <= ROWS


@pytest.mark.parametrize("row", sorted(ROWS - WITHOUT_TESTS))
def test_every_row_is_tested_on_every_kind(tested, row):
    assert tested[row] >= NOT_OF_EVERY_KIND.get(row, KINDS)


def test_page_of_promises_has_every_row_once():
    numbers = re.findall(r"^   \* - (\d+)(?:-(\d+))?$", PAGE.read_text(), re.MULTILINE)
    rows = [
        row
        for first, last in numbers
        for row in range(int(first), int(last or first) + 1)
    ]
    assert sorted(rows) == sorted(ROWS)


def test_page_of_promises_names_tests_that_there_are():
    named = re.findall(r"``(tests/[\w/]+\.py)``", PAGE.read_text())
    assert named
    assert [name for name in named if not (TESTS.parent / name).is_file()] == []
