"""What every benchmark shares: arguments, timing, a table, a JSON file."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import sklearn
import torch

RESULTS = Path(__file__).parent / "results"


def parse(description, **choices):
    """Read the arguments that every benchmark takes.

    Each of the `choices` is a further one: a tuple to choose from, all of it if absent.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--smoke", action="store_true", help="tiny sizes, to see that it runs"
    )
    parser.add_argument(
        "--output", type=Path, help="JSON file; benchmarks/results/NAME.json if absent"
    )
    for name, values in choices.items():
        parser.add_argument(
            f"--{name}",
            nargs="*",
            choices=values,
            default=values,
            help="some of them; all if absent",
        )
    return parser.parse_args()


def seconds(function):
    """Wall-clock seconds of one call, and what it returned."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def interleaved(functions, repeats, summary=statistics.median):
    """Median seconds of each function, called in turn so that drift hits all alike.

    Another `summary` of its seconds gives something else in place of the median.
    """
    times = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds(function)[0])
    return {name: summary(values) for name, values in times.items()}


def table(rows):
    """Print dictionaries of the same keys as aligned columns."""
    columns = list(rows[0])
    cells = [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for line in [columns, *cells]:
        print("  ".join(f"{cell:>{w}}" for cell, w in zip(line, widths, strict=True)))


def versions():
    """What the figures hold for."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "torch threads": torch.get_num_threads(),
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "openblas": find_spec("scipy_openblas32") is not None,
    }


def write(name, args, content):
    """Write the figures as JSON, with the versions that they hold for.

    Of a benchmark that takes only some of its parts, the others stay as they are.
    """
    path = args.output or (None if args.smoke else RESULTS / f"{name}.json")
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    known = hasattr(args, "only") and path.exists()
    kept = json.loads(path.read_text()) if known else {}
    content = kept | {"versions": versions(), **content}
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"written to {path}")


def _text(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
