"""A peer in a process of its own: it trains when it is told to, and sleeps in between.

It reads lines of JSON and answers in lines of JSON: first the work, then one line for
every turn. Only the time between such a line and the answer is counted, and of it only
what the peer itself spends: looking at the test error is free. A fit of a few rows
comes before all: much is imported only when it is first used.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from dataclasses import replace

ROWS = 1000  # at a time, in a look at the test error: it must not decide the peak
FEW = 32  # rows of the first fit


class Watch:
    """Times the epochs of a peer, and lets it wait between its turns.

    Parameters
    ----------
    test : ndarray of shape (n_samples, n_features)
        Rows to judge the peer by.
    turn : int
        Epochs of a turn; 0: the fit is one turn.
    say, wait : callable
        Answer with keywords; wait for leave to go on.
    """

    def __init__(self, test, turn, say, wait):
        self._test, self._turn, self._say, self._wait = test, turn, say, wait
        self._epochs, self.spent, self._began = 0, 0.0, None

    def start(self):
        """Wait for a turn, and let the clock run."""
        self._wait()
        self._began = time.perf_counter()

    def stop(self):
        """Stop the clock; `epoch_ends` does it too, but not before its argument."""
        if self._began is not None:
            self.spent += time.perf_counter() - self._began
        self._began = None

    def epoch_ends(self, reconstruct):
        """Count an epoch, and wait after the last one of a turn."""
        self.stop()
        self._epochs += 1
        if self._turn and self._epochs % self._turn == 0:
            error = squared_error(self._test, reconstruct)
            self._say(epochs=self._epochs, seconds=self.spent, error=error)
            self.spent = 0.0
            self._wait()
        self._began = time.perf_counter()


def squared_error(X, reconstruct):
    """Mean over all entries of X."""
    total = 0.0
    for start in range(0, len(X), ROWS):
        rows = X[start : start + ROWS]
        total += float(((reconstruct(rows) - rows) ** 2).sum(dtype="float64"))
    return total / X.size


def memory(peak=False):
    """Resident megabytes of this process, now or at their peak.

    Linux hands the `ru_maxrss` of a parent on to its child, so its own books are read
    where there are any.
    """
    try:
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmHWM" if peak else "VmRSS"].split()[0]) / 1024
    except FileNotFoundError:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def answering():
    """Return a function that answers; whatever else is printed is lost."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def say(**content):
        print(json.dumps(content), file=answers, flush=True)

    return say


def listen():
    """Return what the next line says; the end of the lines ends the process."""
    line = sys.stdin.readline()
    if not line:
        sys.exit()
    return json.loads(line)


def version(package):
    """Version of an installed package."""
    from importlib.metadata import version

    return version(package)


def train(peer, task, say):
    """Do the work of a task, and tell of it."""
    import numpy as np

    from _peers.work import Work

    work = Work.read(task["work"])
    name = "fit_variational" if work.variational else "fit"
    if not hasattr(peer, name):
        say(failed="has no variational autoencoder")
        return
    fit = getattr(peer, name)
    train, test = np.load(task["train"]), np.load(task["test"])
    train = train[: round(work.share * len(train))]
    say(first=first_fit(fit, train[:FEW], work))
    watch, before = Watch(test, work.turn, say, listen), memory()
    watch.start()
    reconstruct = fit(train, work, watch)
    watch.stop()
    peak = memory(peak=True)
    error = squared_error(test, reconstruct)
    say(seconds=watch.spent, error=error, peak=peak, beyond=peak - before)


def first_fit(fit, X, work):
    """Seconds of a fit of a few rows, for one epoch."""
    watch = Watch(X, 1, say=lambda **content: None, wait=lambda: None)
    began = time.perf_counter()
    fit(X, replace(work, batch_size=len(X) // 2, epochs=1, turn=1), watch)
    return time.perf_counter() - began


def main():
    """Import the peer, and do what is asked."""
    say = answering()
    try:
        peer = importlib.import_module(f"_peers.{sys.argv[1]}")
        say(name=peer.NAME, note=peer.NOTE, version=version(peer.PACKAGE))
        train(peer, listen(), say)
    except ImportError as error:
        say(failed=f"cannot be imported: {error}")
    except Exception as error:
        say(failed=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
