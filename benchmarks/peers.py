"""The same work through skae and its peers: seconds, test errors, memory, start.

The peers are a naive torch loop, skorch, PyOD, pythae, Keras 3 on its jax backend and
scikit-learn's MLPRegressor. W1 is MNIST through 784-300-150-300-784 in batches of 150,
W2 the digits through 64-32-8-32-64 in batches of 32 and of 200, W4 a variational
autoencoder 784-400-20 on MNIST in batches of 128, Bernoulli, and the deep network
784-1000-500-250-30 takes batches of 250. The recipe is the same for all: ELU (ReLU in
W4), Adam at 1e-3, everything at random in the beginning; skae without its linear path.
Each peer lives in a process of its own, trains for a turn when it is told to, and
sleeps until all others have had theirs: drift hits all alike. It has fitted a few rows
before, which is told apart, as its start and import are. What cannot be imported is
left out, with a word.

On W1, skae's own recipe is measured beside: the seconds until the test error is that
of the naive loop after its last epoch. All figures go to the JSON file, and from there
to the files of the documentation's page.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from _peers import PEERS
from _peers.pages import write_pages
from _peers.processes import Run, interleave, starts
from _peers.tables import Quality, epochs, left_out
from _peers.work import Work
from datasets import mnist
from report import RESULTS, parse, table, versions, write
from sklearn.datasets import load_digits

PAGES = Path(__file__).parents[1] / "docs" / "benchmarks"
PARTS = ("starts", "W1", "seeds", "W2, 32", "W2, 200", "W4", "deep")

DENSE, DEEP = (784, 300, 150), (784, 1000, 500, 250, 30)
OWN_PASSES = ((0.5, 1), (1, 1), (1, 2), (1, 3), (1, 5), (1, 10))
"""Share of the rows, and epochs over them, of each of skae's fits."""


def work_of(part):
    """Work of a part, and the heading and unit of its column in the table."""
    small = (64, 32, 8)
    return {
        "W1": (Work(DENSE, 150, epochs=25), "W1 (s)", 1),
        "W2, 32": (Work(small, 32, epochs=100, turn=10), "W2, batch 32 (ms)", 1e3),
        "W2, 200": (Work(small, 200, epochs=300, turn=30), "W2, batch 200 (ms)", 1e3),
        "W4": (Work((784, 400, 20), 128, epochs=9, variational=True), "W4 (s)", 1),
        "deep": (Work(DEEP, 250, epochs=4), "code of 30 (s)", 1),
    }[part]


def take(part, args, data):
    """Runs of a part, as the JSON file has them."""
    if part == "seeds":
        runs = _seeds(args, data.files("mnist"))
        return {"short": part, "heading": None, "runs": runs}
    work, heading, unit = work_of(part)
    files = data.files("digits" if part.startswith("W2") else "mnist")
    if args.smoke:
        work = replace(work, epochs=2, turn=1)
    recipes = {peer: ["equal"] for peer in args.peers}
    if "skae" in recipes and not (args.smoke or part.startswith("W2")):
        recipes["skae"].append("bfloat16")  # which the small products of W2 do not pay
    runs = [
        Run(peer, replace(work, recipe=name), files)
        for peer, names in recipes.items()
        for name in names
    ]
    others = own(args, files, [0]) if part == "W1" else ()
    records = interleave(runs, others)
    return {"short": part, "heading": heading, "unit": unit, "runs": records}


def own(args, files, seeds):
    """Makers of fits by skae's own recipe: one for each seed and number of passes."""
    if "skae" not in args.peers:
        return []
    return [
        partial(
            Run,
            "skae",
            Work(DENSE, 150, n, turn=0, seed=seed, recipe="own", share=share),
            files,
        )
        for seed in seeds
        for share, n in (OWN_PASSES[:1] if args.smoke else OWN_PASSES)
    ]


def _seeds(args, files):
    """Run the naive loop and skae's own recipe with two more seeds."""
    work, seeds = work_of("W1")[0], [1, 2]
    runs = [
        Run("naive", replace(work, seed=seed), files)
        for seed in seeds
        if "naive" in args.peers
    ]
    return interleave(runs, own(args, files, seeds))


class Data:
    """Arrays as files, which every process reads for itself.

    Parameters
    ----------
    folder : Path
        Where to put them.
    smoke : bool
        Whether a few random rows will do.
    """

    def __init__(self, folder, smoke):
        self._folder, self._smoke = folder, smoke

    def files(self, name):
        """Names of the files of training and test data."""
        kinds = ("train", "test")
        names = {kind: str(self._folder / f"{name}-{kind}.npy") for kind in kinds}
        if not Path(names["train"]).exists():
            for kind, rows in zip(kinds, self._arrays(name), strict=True):
                np.save(names[kind], rows)
        return names

    def _arrays(self, name):
        if self._smoke:
            rows = np.random.default_rng(0).random((300, 784), dtype=np.float32)
            return rows, rows[:100]
        if name == "mnist":
            train, _, test, _ = mnist()
            return train, test
        rows = (load_digits().data / 16).astype(np.float32)
        return rows, rows  # all of them are trained on, as in epoch_speed.py


def measure_starts(args, files):
    """Seconds of start and import of every peer, and what it says of itself."""
    work, rows = work_of("W1")[0], []
    for peer, found in starts(args.peers, work, files, repeats=2).items():
        last = found[-1]
        if "failed" in last:
            rows.append({"peer": peer, "note": last["failed"]})
            continue
        rows.append(
            {
                "peer": peer,
                **{key: last[key] for key in ("name", "version", "note")},
                "seconds": median(one["start"] for one in found[1:]),
                "first": median(one["first"] for one in found[1:]),
            }
        )
    return rows


def processor():
    """Name of the processor, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()


def show(part, records):
    """Print what a part has brought."""
    print(f"\n{part}")
    rows = epochs(records)
    if rows:
        table(rows)
    for peer, why in left_out(records).items():
        print(f"{peer} is left out: {why}")


def show_quality(content):
    """Print how much faster skae is to the naive loop's last error."""
    parts = content["parts"]
    if not {"W1", "seeds"} <= parts.keys():
        return
    quality = Quality(parts["W1"]["runs"] + parts["seeds"]["runs"])
    ratios = quality.times_naive()
    if not ratios:
        print("skae has not reached the naive loop's last error with every seed")
        return
    middle = median(ratios.values())
    content["times faster than the naive loop to its last error"] = {
        "by seed": list(ratios.values()),
        "median": middle,
    }
    print(f"\nto the naive loop's last error: {middle:.1f} times faster (median)")


def main():
    """Measure the parts that are asked for, and write the JSON and the pages."""
    args = parse(__doc__, only=PARTS, peers=PEERS)
    known = args.output or RESULTS / "peers.json"
    content = {"parts": {}}
    if not args.smoke and known.exists():
        content = json.loads(known.read_text())
    content["machine"] = {"processor": processor(), "cores": os.cpu_count()}
    chosen = [part for part in PARTS if part in args.only]
    if args.smoke:  # every road once; the rest is more of the same
        chosen = [part for part in chosen if part in ("W1", "W4")]
    with tempfile.TemporaryDirectory() as folder:
        data = Data(Path(folder), args.smoke)
        for part in chosen:
            if part == "starts":
                content["starts"] = measure_starts(args, data.files("mnist"))
            else:
                content["parts"][part] = take(part, args, data)
                show(part, content["parts"][part]["runs"])
        order = [part for part in PARTS if part in content["parts"]]
        content["parts"] = {part: content["parts"][part] for part in order}
        show_quality(content)
        content["versions"] = versions()
        write("peers", args, content)
        on_trial = args.smoke or args.output
        write_pages(content, Path(folder) / "pages" if on_trial else PAGES)


if __name__ == "__main__":
    main()
