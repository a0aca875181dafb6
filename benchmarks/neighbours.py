"""A fit beside a busy process: seconds, in quiet and beside as many as there are cores.

The neighbour computes for ever. Threads that wait for each other at every product lose
the most beside it, and now and then very much more: fits of a small and of a large
network, and a search whose networks are trained together, are timed with one thread and
with all of them; once as torch's threads wait where skae is imported first, and once as
they wait by themselves.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from report import interleaved, parse, table, write
from sklearn.datasets import load_digits

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV

SPINS = {"skae's": "2000", "torch's own": "300000"}
"""GOMP_SPINCOUNT: what `import skae` sets, and what torch has by itself."""


@contextmanager
def busy_processes(n):
    """As many processes that compute for ever."""
    with ExitStack() as stack:
        for _ in range(n):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


def workloads(smoke):
    """Name, data, and what is fitted to them."""
    digits = (load_digits().data / 16).astype(np.float32)
    wide = np.random.default_rng(0).random((6000, 784), dtype=np.float32)
    settings = {"max_iter": 1 if smoke else 10, "early_stopping": False}
    settings |= {"n_iter_no_change": np.inf, "random_state": 0}
    small = Autoencoder(8, hidden_layer_sizes=(32,), batch_size=32, **settings)
    large = Autoencoder(150, hidden_layer_sizes=(300,), batch_size=150, **settings)
    rates = [5e-4, 1e-3, 2e-3, 4e-3]
    grid = {"learning_rate_init": rates, "weight_decay": [0.0, 1e-4, 1e-3]}
    return [
        ("64-32-8", digits, small),
        ("64-32-8, a search", digits, AutoencoderSearchCV(small, grid, cv=5)),
        ("784-300-150", wide[: 200 if smoke else None], large),
    ]


def fit(model, X, n_threads):
    """Fit with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        model.fit(X)
    finally:
        torch.set_num_threads(before)


def measure(name, X, model, repeats):
    """Lines of the table."""
    threads = sorted({1, torch.get_num_threads()})
    times = {}
    for n_busy in (0, 1, os.cpu_count()):
        with busy_processes(n_busy):
            calls = {n: lambda n=n: fit(model, X, n) for n in threads}
            times[n_busy] = interleaved(calls, repeats, summary=_median_and_worst)
    return [
        {
            "network": name,
            "threads": n,
            "busy neighbours": n_busy,
            "seconds": spent[n][0],
            "times quiet": spent[n][0] / times[0][n][0],
            "slowest, times quiet": spent[n][1] / times[0][n][0],
        }
        for n_busy, spent in times.items()
        for n in threads
    ]


def _median_and_worst(seconds):
    return statistics.median(seconds), max(seconds)


def work(smoke, output):
    """Measure in this process."""
    repeats = 1 if smoke else 5
    rows = [row for each in workloads(smoke) for row in measure(*each, repeats)]
    Path(output).write_text(json.dumps(rows))


def launch(spin, smoke):
    """Lines of the table from a process whose threads spin for so long."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "rows.json"
        subprocess.run(
            [sys.executable, __file__, "work", str(int(smoke)), str(output)],
            env=os.environ | {"GOMP_SPINCOUNT": SPINS[spin]},
            check=True,
        )
        return [{"waits": spin, **row} for row in json.loads(output.read_text())]


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    rows = [row for spin in SPINS for row in launch(spin, args.smoke)]
    table(rows)
    write("neighbours", args, {"fits": rows})


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(bool(int(sys.argv[2])), sys.argv[3])
    else:
        main()
