"""Milliseconds from a fresh process to the first fit: what comes when, and what waits.

`import skae` alone, then torch and scikit-learn, then the first estimator, which is
skae's own modules, and two fits of the same small table. Every run is a process of its
own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from report import parse, table, write

STEPS = {
    "import skae": "import skae",
    "torch": "import torch",
    "scikit-learn (PCA)": "from sklearn.decomposition import PCA",
    "skae.Autoencoder": "skae.Autoencoder",
    "first fit": "skae.Autoencoder(random_state=0).fit(X)",
    "second fit": "skae.Autoencoder(random_state=0).fit(X)",
}

SCRIPT = """
import json
from time import perf_counter

def run(steps, space):
    for step in steps:
        if "fit" in step:
            import numpy
            space["X"] = numpy.random.default_rng(0).standard_normal((20, 5))
        start = perf_counter()
        exec(step, space)
        yield 1e3 * (perf_counter() - start)

print(json.dumps(list(run({steps!r}, {{}}))))
"""


def fresh_process():
    """Milliseconds of every step in a new interpreter."""
    script = SCRIPT.format(steps=list(STEPS.values()))
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    runs = [fresh_process() for _ in range(1 if args.smoke else 11)]
    rows = [
        {"step": name, "median ms": statistics.median(times), "least ms": min(times)}
        for name, times in zip(STEPS, zip(*runs, strict=True), strict=True)
    ]
    table(rows)
    write("import_time", args, {"runs": len(runs), "steps": rows})


if __name__ == "__main__":
    main()
