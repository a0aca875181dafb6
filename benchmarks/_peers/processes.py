"""Workers as their master sees them: started, given a turn each, and read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

REST = 0.1  # seconds after a turn, in which threads that still spin fall asleep


class PeerFailedError(Exception):
    """A peer is not there, or could not do what it was asked to do."""


class Worker:
    """A process that a peer lives in.

    Parameters
    ----------
    peer : str
        One of `PEERS`.
    """

    def __init__(self, peer):
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "_peers.worker", peer],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def greet(self):
        """What the worker says of itself, and the seconds of start and import."""
        greeting = self.read()
        return {**greeting, "start": time.perf_counter() - self._began}

    def tell(self, content=None):
        """Send a line; without content, leave to go on."""
        try:
            self._process.stdin.write(json.dumps(content) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerFailedError("its process has ended") from None

    def read(self):
        """Wait for an answer."""
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailedError("its process has ended")
        answer = json.loads(line)
        if "failed" in answer:
            raise PeerFailedError(answer["failed"])
        return answer

    def end(self):
        """Let the process end: there are no more lines."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Run:
    """A peer at its work.

    Parameters
    ----------
    peer : str
        One of `PEERS`.
    work : Work
        What to do.
    files : dict
        ``train`` and ``test``: the files that the arrays are in.
    """

    def __init__(self, peer, work, files):
        self.work, self.failure = work, None
        self.peer, self.turns, self.whole = peer, [], None
        self._worker = Worker(peer)
        self._task = {"work": work.plain(), **files}
        self._greeting = None

    @property
    def is_done(self):
        return self.whole is not None or self.failure is not None

    def turn(self):
        """Let the peer go on until it pauses or ends."""
        try:
            self._turn()
        except PeerFailedError as error:
            self.failure = str(error)
        if self.is_done:
            self._worker.end()
        time.sleep(REST)

    def _turn(self):
        if self._greeting is None:
            self._greeting = self._worker.greet()
            self._worker.tell(self._task)
            self._first = self._worker.read()["first"]
        self._worker.tell()
        answer = self._worker.read()
        if "epochs" in answer:
            self.turns.append(answer)
        else:
            self.whole = answer

    def record(self):
        """All that is known of the run, as plain values."""
        if self.failure is not None:
            return {"peer": self.peer, "failed": self.failure}
        whole = {key: _short(value) for key, value in self.whole.items()}
        curve = [
            [t["epochs"], _short(t["seconds"]), _short(t["error"])] for t in self.turns
        ]
        return {
            "peer": self.peer,
            "name": self._greeting["name"],
            "recipe": self.work.recipe,
            "seed": self.work.seed,
            "epochs": self.work.epochs,
            "passes": self.work.passes,
            "turn": self.work.turn,
            "first fit": _short(self._first),
            "curve": curve,
            "seconds": _short(sum(turn[1] for turn in curve) + whole["seconds"]),
            "error": whole["error"],
            "peak MB": whole["peak"],
            "beyond MB": whole["beyond"],
        }


def interleave(runs, others=()):
    """Let all runs take turns until they are done; their records.

    Parameters
    ----------
    runs : list of Run
        In the order of a round.
    others : iterable of callable
        Each makes a run that is done whole, after one of the rounds.
    """
    others, done = iter(others), []
    while not all(run.is_done for run in runs):
        for run in runs:
            if not run.is_done:
                run.turn()
        done += [_whole(make) for make in _first(others)]
    return [run.record() for run in [*runs, *done, *map(_whole, others)]]


def _first(iterator):
    """At most one of what is left, as a list."""
    for value in iterator:
        return [value]
    return []


def _whole(make):
    run = make()
    while not run.is_done:
        run.turn()
    return run


def starts(peers, work, files, repeats):
    """Greetings by peer, and seconds of start and import and of a first fit.

    The first round fills the caches of the disk, and is not counted.
    """
    found = {peer: [] for peer in peers}
    for peer in [*peers] * (repeats + 1):
        worker = Worker(peer)
        try:
            greeting = worker.greet()
            worker.tell({"work": work.plain(), **files})
            found[peer].append({**greeting, **worker.read()})
        except PeerFailedError as error:
            found[peer].append({"failed": str(error)})
        worker.end()
    return found


def _short(value):
    """A number in as many digits as it is good for."""
    return float(f"{value:.5g}")
