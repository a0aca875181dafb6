"""A fit beside a busy process: seconds, in quiet and beside as many as there are cores.

The neighbour computes for ever. Threads that wait for each other at every product lose
the most beside it: the fit is timed with one thread and with all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from report import interleaved, parse, table, write
from sklearn.datasets import load_digits

from skae import Autoencoder


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
    """Name, data and estimator."""
    digits = (load_digits().data / 16).astype(np.float32)
    wide = np.random.default_rng(0).random((6000, 784), dtype=np.float32)
    settings = {"max_iter": 1 if smoke else 10, "early_stopping": False}
    settings |= {"n_iter_no_change": np.inf, "random_state": 0}
    small = Autoencoder(8, hidden_layer_sizes=(32,), batch_size=32, **settings)
    large = Autoencoder(150, hidden_layer_sizes=(300,), batch_size=150, **settings)
    return [
        ("64-32-8", digits, small),
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
            times[n_busy] = interleaved(calls, repeats)
    return [
        {
            "network": name,
            "threads": n,
            "busy neighbours": n_busy,
            "seconds": spent[n],
            "times quiet": spent[n] / times[0][n],
        }
        for n_busy, spent in times.items()
        for n in threads
    ]


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    repeats = 1 if args.smoke else 5
    rows = [row for work in workloads(args.smoke) for row in measure(*work, repeats)]
    table(rows)
    write("neighbours", args, {"fits": rows})


if __name__ == "__main__":
    main()
