"""Data that are not one array in memory: sparse, from a file, and in parts.

Sparse: text-like counts, Zipf's law over the words, fitted in a process of its own
whose peak of memory is told; dense: the same, with rows that are made dense, a batch at
a time; linear: LinearAutoencoder beside TruncatedSVD with the same components. File: an
epoch over a file of 5 million rows of 1,000 (a sparse file: the disk holds next to
nothing), and the rows a second of MNIST from a file beside MNIST in memory. In parts:
three passes over ten chunks of MNIST by partial_fit, a fit of three epochs, and
IncrementalPCA.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import mnist
from report import interleaved, parse, seconds, table, write
from scipy import sparse

PARTS = ("sparse", "dense", "linear", "file", "speed", "chunks")


def memory(field):
    """Megabytes of this process: now (VmRSS), or at most so far (VmHWM)."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields[field].split()[0]) / 1024


def in_fresh_process(function, *args):
    """Call `function` where nothing has been imported or allocated before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, args)


def words(n, d, share):
    """Counts of words, which are the rarer the later they come, and of topics."""
    rng = np.random.default_rng(0)
    per_row = round(share * d)
    chance = 1.0 / np.arange(1, d + 1) ** 0.9
    ranks = rng.choice(d, size=(n, per_row), p=chance / chance.sum())
    topic = rng.integers(0, 20, size=(n, 1))
    own = rng.random(ranks.shape) < 0.5  # half of a row's words are its topic's own
    columns = np.where(own, (ranks * 20 + topic) % d, ranks)
    rows = np.repeat(np.arange(n), per_row)
    ones = np.ones(n * per_row, np.float32)
    return sparse.csr_array((ones, (rows, columns.ravel())), shape=(n, d))


class EpochClock:
    """A callback that takes the seconds of every epoch."""

    def __init__(self):
        self.seconds = []

    def setup(self, estimator, context):
        """Nothing to be done."""

    def teardown(self, estimator, context):
        """Nothing to be done."""

    def on_fit_task_begin(self, estimator, context):
        self._began = time.perf_counter()

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.seconds.append(time.perf_counter() - self._began)


def fit_sparse(n, d, share, stays_sparse=True):
    """Seconds of an epoch and of all around it, and megabytes at the peak."""
    from skae import Autoencoder
    from skae.data import SparseSource

    if not stays_sparse:
        SparseSource.is_thin = lambda self, n_rows: False
    X, clock = words(n, d, share), EpochClock()
    settings = {"hidden_layer_sizes": (64,), "max_iter": 1, "random_state": 0}
    model = Autoencoder(16, likelihood="poisson", **settings).set_callbacks(clock)
    spent, _ = seconds(lambda: model.fit(X))
    encode, code = seconds(lambda: model.transform(X))
    assert code.shape == (n, 16)
    return {
        "rows": n,
        "columns": d,
        "fit s": spent,
        "its epoch s": clock.seconds[0],
        "transform s": encode,
        "peak MB": memory("VmHWM"),
    }


def fit_linear(n, d, share, k, repeats):
    """LinearAutoencoder beside TruncatedSVD: seconds, and what is left of X."""
    from sklearn.decomposition import TruncatedSVD

    from skae import LinearAutoencoder

    X = words(n, d, share)
    models = {"TruncatedSVD": TruncatedSVD(k), "skae": LinearAutoencoder(k)}
    times = interleaved({m: lambda m=m: models[m].fit(X) for m in models}, repeats)
    squares, error = float((X.data.astype(float) ** 2).sum()), {}
    for name, model in models.items():
        axes = model.components_.astype(float)
        mean = np.zeros(d) if name == "TruncatedSVD" else model.mean_
        code = X @ axes.T - mean @ axes.T
        total = squares - 2.0 * (X @ mean).sum() + n * mean @ mean
        error[name] = total - float((code**2).sum())
    return [
        {
            "model": name,
            "seconds": times[name],
            "times TruncatedSVD": times[name] / times["TruncatedSVD"],
            "squared error": error[name] / squares,
        }
        for name in models
    ]


def fit_file(path, n, d):
    """One epoch over a file that does not fit: seconds, rows a second, memory."""
    from skae import Autoencoder

    X = np.memmap(path, np.float32, "r", shape=(n, d))
    model = Autoencoder(16, hidden_layer_sizes=(64,), max_iter=1, random_state=0)
    spent, _ = seconds(lambda: model.fit(X))
    return {"rows": n, "GB": X.nbytes / 1e9, "fit s": spent, "peak MB": memory("VmHWM")}


def make_file(path, n, d):
    """A file of zeros that takes no room, with numbers in some of its rows."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        file.truncate(4 * n * d)
        for start in range(0, n - 1000, max(1, n // 50)):
            file.seek(4 * start * d)
            file.write(rng.normal(size=(1000, d)).astype(np.float32).tobytes())


def speed(X, path, repeats):
    """Seconds of a further epoch over MNIST: in memory, and from a file."""
    from skae import Autoencoder

    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    sources = {"in memory": (X, "auto"), "file": (mapped, len(X) // 4)}

    def fit(name, epochs):
        data, size = sources[name]
        Autoencoder(
            150,
            hidden_layer_sizes=(300,),
            max_iter=epochs,
            batch_size=500,
            block_size=size,
            n_iter_no_change=np.inf,
            random_state=0,
        ).fit(data)

    found = {name: [] for name in sources}
    for _ in range(repeats):
        for name, times in found.items():
            short = seconds(lambda name=name: fit(name, 1))[0]
            times.append((seconds(lambda name=name: fit(name, 4))[0] - short) / 3)
    epochs = {name: float(np.median(times)) for name, times in found.items()}
    return [
        {
            "rows from": name,
            "epoch s": spent,
            "rows a second": len(X) / spent,
            "share of the speed in memory": epochs["in memory"] / spent,
        }
        for name, spent in epochs.items()
    ]


def chunks(train, test, passes, k):
    """Test errors of ten chunks by partial_fit, of a fit, and of IncrementalPCA."""
    from sklearn.decomposition import IncrementalPCA

    from skae import Autoencoder, LinearAutoencoder

    parts = np.array_split(train, 10)
    settings = {"hidden_layer_sizes": (300,), "batch_size": 150, "random_state": 0}
    models = {
        "partial_fit": Autoencoder(k, **settings),
        "LinearAutoencoder.partial_fit": LinearAutoencoder(k),
        "IncrementalPCA": IncrementalPCA(k),
    }
    rows = []
    for name, model in models.items():
        began = time.perf_counter()
        for _ in range(1 if "PCA" in name or "Linear" in name else passes):
            for part in parts:
                model.partial_fit(part)
        rows.append(_row(name, model, test, time.perf_counter() - began))
    whole = Autoencoder(k, max_iter=passes, early_stopping=False, **settings)
    spent, _ = seconds(lambda: whole.fit(train))
    rows.append(_row("fit", whole, test, spent))
    for row in rows:
        row["times fit's"] = row["test MSE"] / rows[-1]["test MSE"]
    return rows


def _row(name, model, test, spent):
    rest = test - model.inverse_transform(model.transform(test))
    return {"model": name, "seconds": spent, "test MSE": float(np.mean(rest**2))}


def main():
    """Print the tables and write the JSON."""
    args = parse(__doc__, only=PARTS)
    content = {}
    if args.smoke:
        train = np.random.default_rng(0).random((400, 784), dtype=np.float32)
        text, linear, large = (1500, 400, 0.02), (500, 300, 0.02, 3, 1), (3000, 20)
        test, repeats = train[:100], 1
    else:
        train, _, test, _ = mnist()
        text, linear = (100_000, 50_000, 0.001), (100_000, 50_000, 0.001, 50, 3)
        large, repeats = (5_000_000, 1000), 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        if "sparse" in args.only:
            content["sparse"] = [in_fresh_process(fit_sparse, *text)]
        if "dense" in args.only:
            content["dense"] = [in_fresh_process(fit_sparse, *text, False)]
        if "linear" in args.only:
            content["linear"] = in_fresh_process(fit_linear, *linear)
        if "file" in args.only:
            make_file(path, *large)
            content["file"] = [in_fresh_process(fit_file, path, *large)]
        if "speed" in args.only:
            content["speed"] = speed(train, Path(folder) / "mnist.npy", repeats)
        if "chunks" in args.only:
            content["chunks"] = chunks(
                train, test, *((1, 20) if args.smoke else (3, 150))
            )
    for name, rows in content.items():
        print(f"\n{name}")
        table(rows)
    write("streams", args, content)


if __name__ == "__main__":
    main()
