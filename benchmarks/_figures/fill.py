"""Fill the figures into a text: ``{models > model=plain > test MSE!.4f}``.

A place in braces is a path into the JSON of one benchmark, and a format. Steps of the
path are keys, or, in a list of dictionaries, conditions as ``data=waves & code=8``;
where several entries meet them, their mean is meant, unless the format begins with
another name: ``median``, ``min`` or ``max``. ``path : path`` is a ratio.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"

PLACE = re.compile(r"\{([^{}!]+)!([^{}!]+)\}")

OF_SEVERAL = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}


def load(name, folder=RESULTS):
    """Return what a benchmark has written, by its name."""
    return json.loads((folder / f"{name}.json").read_text())


def fill(text, content):
    """Replace every place in `text` by its figure.

    Parameters
    ----------
    text : str
        A text with places in braces.
    content : dict
        Of one JSON file.
    """
    filled = PLACE.sub(lambda place: figure(place[1], place[2], content), text)
    if "{" in filled:
        raise ValueError(f"a brace is left over: {filled}")
    return filled


def figure(paths, form, content):
    """Format the figure at a path, or the ratio of two."""
    of_several, _, spec = form.strip().rpartition(" ")
    several = OF_SEVERAL[of_several or "mean"]
    values = [_number(several, path, content) for path in paths.split(" : ")]
    return written(values[0] if len(values) == 1 else values[0] / values[1], spec)


def written(value, spec):
    """Return a number as people write it: 96 %, 2e-6, 1,234."""
    if spec.endswith("%"):
        return f"{100 * value:{spec[:-1] or '.0'}f} %"
    if spec.endswith("f") and abs(value) >= 1000:
        spec = ",.0f"
    return re.sub(r"e(-?)\+?0*(\d)", r"e\1\2", f"{value:{spec}}")


def look_up(path, content):
    """Return all values at a path."""
    found = [content]
    for step in path.strip().split(" > "):
        found = [value for entry in found for value in _step(entry, step)]
        if not found:
            raise KeyError(f"nothing is at {step!r} of {path!r}")
    return found[0] if isinstance(found[0], list) else found


def _number(several, path, content):
    values = look_up(path, content)
    return several(values) if len(values) > 1 else values[0]


def _step(entry, step):
    if isinstance(entry, dict):
        return [entry[step]] if step in entry else []
    conditions = [condition.partition("=")[::2] for condition in step.split(" & ")]
    return [
        each
        for each in entry
        if all(str(each.get(key)) == value for key, value in conditions)
    ]
