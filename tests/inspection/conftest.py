"""What the tests of pictures share: they leave none; a browser, where there is one."""

import shutil

import pytest
from matplotlib import pyplot, rcParams

_BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)

# A report is rendered where there is a browser; elsewhere its source alone is tested.
collect_ignore = [] if _BROWSER else ["test_rendered_report.py"]


@pytest.fixture(autouse=True)
def _close_figures():
    settings = dict(rcParams)
    yield
    pyplot.close("all")
    assert dict(rcParams) == settings


@pytest.fixture(scope="session")
def browser():
    """Path of a browser that runs without a screen."""
    return _BROWSER
