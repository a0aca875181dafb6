"""Sixteen threads that transform at once for a minute, with one estimator a variant.

Every answer is compared, bit by bit, with that of a single thread. Rows a second are of
all threads together. The minute is six rounds of all variants, after a first one to
warm up in; memory is that of the process after each round, and its growth the
mean of the last three over that of the first three.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import report

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    ConvolutionalAutoencoder,
    LinearAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

N_THREADS, N_ROUNDS = 16, 6
SIZES = [1, 7, 64, 1000]
"""Rows of a call: from one, which has a short way of its own, to many."""

ONCE = {"max_iter": 1, "random_state": 0}
ESTIMATORS = {
    "linear": LinearAutoencoder(8),
    "dense": Autoencoder(8, **ONCE),
    "top-k": TopKAutoencoder(32, k=4, **ONCE),
    "variational": VariationalAutoencoder(8, **ONCE),
    "convolutional": ConvolutionalAutoencoder(8, input_shape=(1, 8, 8), **ONCE),
    "attention": AttentionAutoencoder(8, input_shape=(8, 8), width=16, **ONCE),
    "classifier": AutoencoderClassifier(Autoencoder(8, **ONCE), **ONCE),
}


def resident():
    """Bytes of memory that the process has now, without what malloc holds back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def calls(estimator, X):
    """What a thread asks for, with the answer that a single thread gets."""
    found = []
    for n, dtype in itertools.product(SIZES, (np.float32, np.float64)):
        rows = X[:n].astype(dtype)
        for method in ("transform", "reconstruct", "predict_proba"):
            if hasattr(estimator, method):
                call = getattr(estimator, method)
                found.append((call, rows, call(rows).copy()))
    return found


def ask(work, start, until):
    """Ask until it is time: rows that were asked for, and answers that were wrong."""
    n_rows = n_wrong = 0
    for call, rows, expected in itertools.cycle(work[start:] + work[:start]):
        if time.perf_counter() >= until():
            return n_rows, n_wrong
        n_wrong += not np.array_equal(call(rows), expected)
        n_rows += len(rows)
    raise AssertionError("there is nothing to ask")


def at_once(pool, work, seconds):
    """Let all threads ask for so long: rows, wrong answers, seconds."""
    barrier, end = threading.Barrier(N_THREADS), []

    def run(i):
        if barrier.wait() == 0:
            end.append(time.perf_counter() + seconds)
        barrier.wait()
        return ask(work, i * len(work) // N_THREADS, lambda: end[0])

    begun = time.perf_counter()
    rows, wrong = zip(*pool.map(run, range(N_THREADS)), strict=True)
    return sum(rows), sum(wrong), time.perf_counter() - begun


def main():
    """Print the tables and write the JSON."""
    args = report.parse(__doc__)
    seconds = 0.1 if args.smoke else 60.0 / (N_ROUNDS * len(ESTIMATORS))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 16)) @ rng.normal(size=(16, 64))
    y = (X[:, 0] > 0).astype(int)
    work = {
        name: calls(estimator.fit(X, y), X) for name, estimator in ESTIMATORS.items()
    }
    totals, memory = {name: np.zeros(3) for name in work}, []
    with ThreadPoolExecutor(N_THREADS) as pool:
        for i in range(N_ROUNDS + 1):
            for name, tasks in work.items():
                found = at_once(pool, tasks, seconds)
                if i > 0:
                    totals[name] += found
            memory.append(resident() / 2**20)
    rows = [
        {
            "estimator": name,
            "seconds": taken,
            "rows": int(n_rows),
            "rows/s": n_rows / taken,
            "mismatches": int(n_wrong),
        }
        for name, (n_rows, n_wrong, taken) in totals.items()
    ]
    report.table(rows)
    half = N_ROUNDS // 2
    grown = float(np.mean(memory[-half:]) - np.mean(memory[1 : half + 1]))
    print("MB after each round:", *(f"{m:.1f}" for m in memory), f"grown {grown:+.1f}")
    content = {"threads": N_THREADS, "MB after each round": memory, "MB grown": grown}
    report.write("many_threads", args, content | {"estimators": rows})


if __name__ == "__main__":
    main()
