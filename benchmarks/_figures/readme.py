"""The tables of the README."""

from __future__ import annotations

from pathlib import Path

from _peers.tables import Quality

from _figures.fill import fill, load

EXPECTATIONS = Path(__file__).with_name("expectations.md")
"""The first table, with places for the figures; its last column names the benchmark."""

CHOSEN = """\
The defaults were chosen by `defaults.py`, one change at a time ({cases!d} of the cases
above; a fit that ended at PCA is not below it):
"""

DEFAULTS = {
    "below PCA": "{below PCA!.0%}",
    "median ratio": "{median ratio!.3f}",
    "largest ratio": "{largest ratio!.3f}",
    "median seconds": "{median seconds!.2f}",
}


def expectations():
    """Return the table of the README's "What to expect"."""
    heading, line, *rows = EXPECTATIONS.read_text().splitlines()
    yield from (heading, line)
    for row in rows:
        name = row.split("`")[-2].removesuffix(".py")
        content = load(name)
        yield fill(row, _with_quality(content) if name == "peers" else content)


def defaults():
    """Return the table of the defaults and their alternatives, and how it was made."""
    alternatives = load("defaults")["alternatives"]
    yield from fill(CHOSEN, alternatives[0]).split("\n")
    yield f"| changed | {' | '.join(DEFAULTS)} |"
    yield f"|---|{'---|' * len(DEFAULTS)}"
    for row in alternatives:
        changed = "nothing" if row["changed"] == "defaults" else f"`{row['changed']}`"
        cells = (fill(text, row) for text in DEFAULTS.values())
        yield f"| {' | '.join([changed, *cells])} |"


def _with_quality(peers):
    """Add the peers' times to the naive loop's error, over skae's, to their records."""
    parts = peers["parts"]
    quality = Quality([*parts["W1"]["runs"], *parts["seeds"]["runs"]])
    rows = quality.rows({})
    others = ("skorch", "PyOD", "pythae")
    times = [row["times skae's"] for row in rows if row["peer"] in others]
    return {**peers, "quality": rows, "others": times}
