"""What checkpoints cost: beside an epoch, and once to know the data by their digest.

MNIST through 784-128-32-128-784 and 784-512-256-32-256-512-784. A checkpoint is
measured where the fit writes it: the state is copied, digested, written and flushed to
the disk. An epoch is what one more of them adds to a fit: five times that of a fifth of
the rows.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from datasets import mnist
from report import interleaved, parse, seconds, table, write

from skae import Autoencoder
from skae.estimators.identity import identity_of
from skae.training import Training

NETWORKS = ((128,), (512, 256))
LONG, SHORT, SHARE = 3, 1, 5


def make(sizes, max_iter, **changes):
    """The estimator that is fitted."""
    return Autoencoder(
        32,
        hidden_layer_sizes=sizes,
        max_iter=max_iter,
        batch_size=500,
        early_stopping=False,
        random_state=0,
        **changes,
    )


def checkpoints(sizes, X, n):
    """Seconds of each of `n` checkpoints, and bytes of the largest file."""
    save, took, sizes_of_file = Training.save, [], []

    def timed(training):
        start = perf_counter()
        save(training)
        took.append(perf_counter() - start)
        files = Path(folder).glob("*.safetensors")
        sizes_of_file.append(sum(path.stat().st_size for path in files))

    Training.save = timed
    try:
        with tempfile.TemporaryDirectory() as folder:
            make(sizes, n + 1, checkpoint_dir=folder).fit(X)
    finally:
        Training.save = save
    return took[:n], max(sizes_of_file)  # the last one, after the fit, is smaller


def measure(sizes, X, n, repeats):
    """Line of the table."""
    took, size = checkpoints(sizes, X[:2000], n)
    some = X[: len(X) // SHARE]
    fits = {k: lambda k=k: make(sizes, k).fit(some) for k in (LONG, SHORT)}
    times = interleaved(fits, repeats)
    epoch = SHARE * (times[LONG] - times[SHORT]) / (LONG - SHORT)
    checkpoint = statistics.median(took)
    return {
        "hidden layers": "-".join(map(str, sizes)),
        "megabytes": size / 1e6,
        "ms of a checkpoint": 1e3 * checkpoint,
        "ms of an epoch": 1e3 * epoch,
        "share": checkpoint / epoch,
    }


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    if args.smoke:
        X = np.random.default_rng(0).random((500, 20), dtype=np.float32)
    else:
        X = mnist()[0]
    n, repeats = (2, 1) if args.smoke else (15, 3)
    rows = [measure(sizes, X, n, repeats) for sizes in NETWORKS]
    table(rows)
    ae = make(NETWORKS[0], SHORT)
    digest = min(seconds(lambda: identity_of(ae, {"X": X}))[0] for _ in range(5))
    print(f"Digest of {X.nbytes / 1e6:.0f} MB: {1e3 * digest:.0f} ms")
    content = {"checkpoints": rows, "digest ms": 1e3 * digest, "X MB": X.nbytes / 1e6}
    write("checkpoints", args, content)


if __name__ == "__main__":
    main()
