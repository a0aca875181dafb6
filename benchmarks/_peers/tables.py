"""Rows of the tables, from the records of the runs."""

from __future__ import annotations

from statistics import median

GOAL = 0.0020
"""A test error that no peer is near to, for scale."""

RECIPES = {"equal": "", "bfloat16": ", bfloat16 products", "own": ", own recipe"}


def name(record):
    """What the rows of a record are called."""
    return record["name"] + RECIPES[record["recipe"]]


def finished(records, recipes=("equal", "bfloat16")):
    """The records of runs that came to their end."""
    return [r for r in records if "failed" not in r and r["recipe"] in recipes]


def laps(record):
    """Seconds of an epoch in every turn but the first, which pays for the start."""
    turns = [seconds / record["turn"] for _, seconds, _ in record["curve"]]
    return turns[1:] or turns


def epochs(records):
    """Seconds of an epoch by peer: in the loop, and with all that is around it.

    The ratio to skae is the median of the ratios within a round: what slows a round
    down slows all of it.
    """
    records = finished(records)
    loops = {name(r): laps(r) for r in records}
    base = loops.get("skae")
    return [
        {
            "peer": name(r),
            "seconds": median(loops[name(r)]),
            "times skae's": base and _median_ratio(loops[name(r)], base),
            "all in": r["seconds"] / r["epochs"],
            "epochs": r["epochs"],
            "error": r["error"],
            "peak MB": r["peak MB"],
            "beyond MB": r["beyond MB"],
        }
        for r in records
    ]


def _median_ratio(seconds, base):
    return median(a / b for a, b in zip(seconds, base, strict=True))


def left_out(records):
    """Who is missing, and why."""
    return {r["peer"]: r["failed"] for r in records if "failed" in r}


def path(record):
    """Seconds spent and test error, after every turn; of a whole fit, at its end."""
    if not record["curve"]:
        return [(record["seconds"], record["error"])]
    spent, points = 0.0, []
    for _, seconds, error in record["curve"]:
        spent += seconds
        points.append((spent, error))
    return points


def seconds_to(record, error):
    """Seconds until the test error is as low as `error`, or None."""
    return next((spent for spent, reached in path(record) if reached <= error), None)


class Quality:
    """Time to a test error: skae with its own recipe, and everybody else.

    skae is charged the fewest passes over the rows, of those tried, whose fits are good
    enough with every seed; each number of them is a fit of its own. Half a pass is an
    epoch over half of the rows.

    Parameters
    ----------
    records : list of dict
        Of W1, and of further seeds.
    """

    def __init__(self, records):
        own = finished(records, ("own",))
        self.fits = {(r["seed"], r["passes"]): r for r in own}
        self.peers = finished(records, ("equal",))
        naive = [r for r in self.peers if r["peer"] == "naive"]
        self.naive = {r["seed"]: r for r in naive}
        self.marks = {seed: path(r)[-1][1] for seed, r in self.naive.items()}

    def own(self, errors):
        """skae's fits by seed, good enough for the error of each; None if none is."""
        for n in sorted({passes for _, passes in self.fits}):
            fits = {seed: self.fits.get((seed, n)) for seed in errors}
            if all(fit and fit["error"] <= errors[s] for s, fit in fits.items()):
                return fits
        return None

    def times_naive(self):
        """By how much skae is faster to the naive loop's last error: each seed."""
        fits = self.own(self.marks)
        return fits and {
            seed: path(record)[-1][0] / fits[seed]["seconds"]
            for seed, record in self.naive.items()
        }

    def rows(self, starts):
        """Return the table; `starts` has the seconds before the fit, by peer."""
        to_mark = self.own(self.marks)
        to_goal = self.own(dict.fromkeys(self.marks, GOAL))
        rows = [self._own_row(to_mark, to_goal, starts)] if to_mark else []
        base = to_mark[0]["seconds"] if to_mark else None
        for record in sorted(
            (r for r in self.peers if r["seed"] == 0), key=lambda r: path(r)[-1][1]
        ):
            rows.append(self._row(record, base, starts))
        return rows

    def _own_row(self, to_mark, to_goal, starts):
        spent = median(fit["seconds"] for fit in to_mark.values())
        goal = to_goal and median(fit["seconds"] for fit in to_goal.values())
        return {
            "peer": name(to_mark[0]),
            "epochs": to_mark[0]["passes"],
            "test MSE": median(fit["error"] for fit in to_mark.values()),
            "seconds": spent,
            "to the mark": spent,
            "times skae's": 1.0,
            "with start": _plus(spent, starts.get("skae")),
            "to the goal": goal,
        }

    def _row(self, record, base, starts):
        points = path(record)
        total = points[-1][0]
        spent = seconds_to(record, self.marks.get(0, 0.0))
        return {
            "peer": name(record),
            "epochs": record["epochs"],
            "test MSE": points[-1][1],
            "seconds": total,
            "to the mark": spent,
            "times skae's": base and (spent or total) / base,
            "with start": _plus(spent, starts.get(record["peer"])),
            "to the goal": seconds_to(record, GOAL),
        }


def _plus(seconds, start):
    return None if seconds is None or start is None else seconds + start
