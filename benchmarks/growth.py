"""Seconds of an epoch and memory of a fit, from ten thousand rows to a million.

The default network on 50 synthetic features. An epoch is the difference of two fits,
of one epoch and of some more. Memory is the highest that a fit in a process of its own
takes beyond what was there before it, X and the libraries, after a first small fit; it
is compared with X in float32.
"""

from __future__ import annotations

import multiprocessing
import statistics

import numpy as np
from report import parse, seconds, table, write

N_FEATURES = 50
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
ROWS = 600_000
"""Rows that an epoch's time is taken over at least, by as many epochs as that takes."""


def synthetic(n, dtype):
    """Rows near a curved surface of 5 dimensions, made without a larger array."""
    rng = np.random.default_rng(0)
    into, out = rng.standard_normal((5, 30)), rng.standard_normal((30, N_FEATURES))
    X = np.empty((n, N_FEATURES), dtype)
    for start in range(0, n, 10_000):
        block = X[start : start + 10_000]
        block[:] = np.tanh(rng.standard_normal((len(block), 5)) @ into) @ out
        block += 0.1 * rng.standard_normal(block.shape)
    return X


def fit(X, max_iter):
    """Seconds of a fit at the defaults."""
    from skae import Autoencoder

    settings = {"n_iter_no_change": np.inf, "random_state": 0}
    model = Autoencoder(5, max_iter=max_iter, **settings)
    return seconds(lambda: model.fit(X))[0]


def epoch_seconds(n, repeats):
    """Median seconds of an epoch of `n` rows."""
    X, more = synthetic(n, np.float32), max(2, ROWS // n)
    fit(X, 1)
    return statistics.median(
        (fit(X, 1 + more) - fit(X, 1)) / more for _ in range(repeats)
    )


def memory(field):
    """Bytes of memory that this process has: now (VmRSS), at most so far (VmHWM)."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields[field].split()[0]) * 1024


def bytes_beyond(n, dtype):
    """Bytes that a fit to `n` rows takes at its height; in a process of its own."""
    fit(synthetic(2000, dtype), 1)
    X = synthetic(n, dtype)
    before = memory("VmRSS")
    fit(X, 1)
    return memory("VmHWM") - before


def in_fresh_process(function, *args):
    """Call `function` where nothing has been imported or allocated before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def growth(sizes, repeats):
    """Table of times and of memory by number of rows."""
    rows = []
    for n in sizes:
        beyond = {
            dtype: in_fresh_process(bytes_beyond, n, dtype) / 2**20
            for dtype in ("float32", "float64")
        }
        epoch = in_fresh_process(epoch_seconds, n, repeats)
        rows.append(
            {
                "rows": n,
                "epoch s": epoch,
                "us a row": 1e6 * epoch / n,
                "X in float32 MB": 4 * n * N_FEATURES / 2**20,
                "MB beyond X, float32": beyond["float32"],
                "MB beyond X, float64": beyond["float64"],
            }
        )
    return rows


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__)
    sizes, repeats = ((1000, 2000), 1) if args.smoke else (SIZES, 3)
    rows = growth(sizes, repeats)
    table(rows)
    first, last = rows[0], rows[-1]
    data = last["X in float32 MB"] - first["X in float32 MB"]
    ends = {
        "time of a row, most rows over fewest": last["us a row"] / first["us a row"],
        **{
            f"bytes beyond X for one of X in float32, {dtype}": (
                last[f"MB beyond X, {dtype}"] - first[f"MB beyond X, {dtype}"]
            )
            / data
            for dtype in ("float32", "float64")
        },
    }
    table([ends])
    write("growth", args, {"n_features": N_FEATURES, "sizes": rows, "growth": ends})


if __name__ == "__main__":
    main()
