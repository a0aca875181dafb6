"""Seconds of searches: AutoencoderSearchCV beside GridSearchCV in 1 and 2 processes.

Four learning rates, three weight decays and five folds of digits through
64-32-8-32-64, 40 epochs each, and two learning rates and two folds of MNIST
through 784-300-150-300-784, one epoch. The searches are run in turn, several times;
the score of every candidate is compared. Processes are there before the clock starts,
but for one line: the first search of a script has to wait for them.
"""

from __future__ import annotations

from functools import partial
from statistics import median

import numpy as np
from datasets import mnist
from joblib.externals.loky import get_reusable_executor
from report import interleaved, parse, seconds, table, write
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV

N_JOBS = 2


def searches(estimator, grid, cv):
    """Names of searches, and the searches."""
    return {
        "GridSearchCV, 1 process": GridSearchCV(estimator, grid, cv=cv, n_jobs=1),
        "GridSearchCV, 2 processes": GridSearchCV(
            estimator, grid, cv=cv, n_jobs=N_JOBS
        ),
        "AutoencoderSearchCV": AutoencoderSearchCV(estimator, grid, cv=cv),
        "AutoencoderSearchCV, n_jobs=2": AutoencoderSearchCV(
            estimator, grid, cv=cv, n_jobs=N_JOBS
        ),
        "AutoencoderSearchCV, factor 3": AutoencoderSearchCV(
            estimator, grid, cv=cv, factor=3
        ),
        "AutoencoderSearchCV, factor 3, n_jobs=2": AutoencoderSearchCV(
            estimator, grid, cv=cv, factor=3, n_jobs=N_JOBS
        ),
    }


def workloads(smoke):
    """Name, data, estimator, grid, folds and repeats."""
    digits = (load_digits().data / 16).astype(np.float32)
    small = Autoencoder(8, hidden_layer_sizes=(32,), max_iter=40, random_state=0)
    rates = [5e-4, 1e-3, 2e-3, 4e-3]
    grid = {"learning_rate_init": rates, "weight_decay": [0.0, 1e-4, 1e-3]}
    if smoke:
        small.set_params(max_iter=2)
        return [("digits", digits[:300], small, {"learning_rate_init": rates}, 2, 1)]
    large = Autoencoder(
        150, hidden_layer_sizes=(300,), batch_size=150, max_iter=1, random_state=0
    )
    return [
        ("digits", digits, small, grid, 5, 3),
        ("MNIST", mnist()[0], large, {"learning_rate_init": rates[1:3]}, 2, 3),
    ]


def cold(search, X):
    """Seconds of a search that has to start its processes."""
    get_reusable_executor().shutdown(wait=True)
    return seconds(partial(search.fit, X))[0]


def measure(name, X, estimator, grid, cv, repeats):
    """Lines of the table."""
    models = searches(estimator, grid, cv)
    if repeats > 1:  # the processes start, and stay
        clone(models["GridSearchCV, 2 processes"]).set_params(
            estimator=clone(estimator).set_params(max_iter=1)
        ).fit(X[:1000])
    times = interleaved({n: partial(m.fit, X) for n, m in models.items()}, repeats)
    starting = "GridSearchCV, 2 processes, which start"
    models[starting] = clone(models["GridSearchCV, 2 processes"])
    times[starting] = median(cold(models[starting], X) for _ in range(repeats))
    expected = models["GridSearchCV, 1 process"]
    rows = []
    for label, model in models.items():
        together = model.cv_results_["mean_test_score"]
        wanted = expected.cv_results_["mean_test_score"]
        comparable = len(together) == len(wanted)
        rows.append(
            {
                "data": name,
                "search": label,
                "seconds": times[label],
                "times 1 process": times["GridSearchCV, 1 process"] / times[label],
                "times 2 processes": times["GridSearchCV, 2 processes"] / times[label],
                "which start": times[starting] / times[label],
                "same best": model.best_params_ == expected.best_params_,
                "scores differ by": (
                    float(np.abs(together - wanted).max()) if comparable else ""
                ),
            }
        )
    return rows


def main():
    """Print the table and write the JSON."""
    args = parse(__doc__)
    rows = [row for work in workloads(args.smoke) for row in measure(*work)]
    table(rows)
    write("search", args, {"searches": rows})


if __name__ == "__main__":
    main()
