"""Seconds of a fit that several processes share, of one thread each.

MNIST through 784-300-150-300-784 in batches of 2,000: ELU, Adam at 1e-3, no linear
path. A fit of one process that is in no group is timed in turn with those of groups of
one and of two, which torchrun starts anew each time; a first, short fit is not counted.
The weights that groups of any size find must be the same, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from datasets import mnist
from report import parse, seconds, table, write
from sklearn.exceptions import ConvergenceWarning
from torch import distributed

from skae import Autoencoder

PROCESSES = (0, 1, 2)  # 0: no group


def work(epochs, output):
    """Fit in this process, as one of a group if torchrun has started it."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    if distributed.is_torchelastic_launched():
        distributed.init_process_group("gloo")
    X = mnist()[0] if epochs > 1 else np.random.default_rng(0).random((4000, 784), "f4")
    model = Autoencoder(
        150,
        hidden_layer_sizes=(300,),
        activation="elu",
        linear_path=False,
        learning_rate="constant",
        learning_rate_init=1e-3,
        batch_size=2000,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        early_stopping=False,
        random_state=0,
    )
    model.fit(X[:4000])
    spent, _ = seconds(lambda: model.fit(X))
    weights = b"".join(w.tobytes() for w in model._fitted.weights.values())
    digest = hashlib.sha256(weights).hexdigest()
    if os.environ.get("RANK", "0") == "0":
        told = {"seconds": spent, "loss": model.loss_, "weights": digest}
        Path(output).write_text(json.dumps(told))
    if distributed.is_initialized():
        distributed.destroy_process_group()


def launch(n_processes, epochs):
    """What a fit of so many processes tells."""
    start = [sys.executable]
    if n_processes:
        start += ["-m", "torch.distributed.run", "--standalone"]
        start += [f"--nproc_per_node={n_processes}"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "told.json"
        subprocess.run(
            [*start, __file__, "work", str(epochs), str(output)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=True,
        )
        return json.loads(output.read_text())


def measure(epochs, repeats):
    """Lines of the table."""
    told = {n: [] for n in PROCESSES}
    for _ in range(repeats):
        for n in PROCESSES:
            told[n].append(launch(n, epochs))
    spent = {n: statistics.median(t["seconds"] for t in told[n]) for n in PROCESSES}
    return [
        {
            "processes": n or "1, no group",
            "seconds": spent[n],
            "times no group": spent[0] / spent[n],
            "loss": told[n][0]["loss"],
            "same bits as a group of one": all(
                t["weights"] == told[1][0]["weights"] for t in told[n]
            ),
        }
        for n in PROCESSES
    ]


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    rows = measure(1, 1) if args.smoke else measure(10, 3)
    table(rows)
    write("data_parallel", args, {"fits": rows})


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(int(sys.argv[2]), sys.argv[3])
    else:
        main()
