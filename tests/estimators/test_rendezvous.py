"""Fits that are trained together: for each it is as if it were alone."""

import traceback
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from threading import Lock, local

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators.reporting import EpochReporter
from skae.training import Rendezvous, environment, together

SETTINGS = {"max_iter": 4, "batch_size": 20, "random_state": 0}
TOGETHER = {"rtol": 1e-7, "atol": 1e-9}  # products may add in another order


def each(Estimator, *changes, **shared):
    """An estimator for each of the changes."""
    shared = {"precision": "float64", **SETTINGS, **shared}
    return [Estimator(**{**shared, **change}) for change in changes]


FAMILIES = {
    "learning rates": each(
        Autoencoder, *({"learning_rate_init": r} for r in (1e-3, 1e-2, 1e-3, 3e-3))
    ),
    "decay": each(Autoencoder, *({"weight_decay": a} for a in (0.0, 1e-2, 1.0))),
    "seeds": each(Autoencoder, *({"random_state": seed} for seed in range(3))),
    "plans": each(
        Autoencoder,
        {"max_iter": 7},
        {"learning_rate": "constant", "n_iter_no_change": 1},
        {"max_iter": 5, "tol": 0.9},
        n_iter_no_change=2,
    ),
    "deep": each(Autoencoder, {}, {"tol": 0.5}, hidden_layer_sizes=(8, 4)),
    "tied": each(Autoencoder, {}, {"weight_decay": 0.1}, tied_weights=True),
    "textbook": each(
        Autoencoder,
        {},
        {"random_state": 1},
        linear_path=False,
        activation="relu",
        code_activation="tanh",
    ),
    "path": each(Autoencoder, {}, {"weight_decay": 1.0}, hidden_layer_sizes=()),
    "bernoulli": each(Autoencoder, {}, {"random_state": 1}, likelihood="bernoulli"),
    "link": each(Autoencoder, {}, {"random_state": 1}, output_activation="logistic"),
    "poisson": each(Autoencoder, {}, {"random_state": 1}, likelihood="poisson"),
    "noise": each(
        DenoisingAutoencoder,
        *({"noise": level} for level in (0.1, 0.5)),
        {"noise": 0.3, "corruption": "masking"},
    ),
    "l1": each(SparseAutoencoder, *({"alpha": a} for a in (1e-3, 1e-1))),
    "l1 and path": each(
        SparseAutoencoder,
        *({"alpha": a} for a in (1e-3, 1e-1)),
        code_activation="identity",
    ),
    "kl": each(SparseAutoencoder, *({"alpha": a} for a in (1e-3, 1.0)), penalty="kl"),
    "beta": each(VariationalAutoencoder, *({"beta": b} for b in (0.5, 1.0, 2.0))),
    "given variance": each(
        VariationalAutoencoder,
        *({"beta": b, "beta_warm_up": n} for b, n in ((0.5, 0), (1.0, 2))),
        noise_variance=0.1,
    ),
    "left to autograd": each(ContractiveAutoencoder, *({"alpha": a} for a in (0.1, 1))),
    "in layers": each(StackedAutoencoder, {}, {"random_state": 1}),
}


class Listed(Autoencoder):
    """A network with an attribute that cannot be compared."""

    def _compose(self, n_features):
        dense = super()._compose(n_features)
        sizes = list(dense.network.hidden_layer_sizes)
        return replace(dense, network=replace(dense.network, hidden_layer_sizes=sizes))


@pytest.fixture(params=[150, 1100], ids=["in folds", "held out"])
def X(request):
    rng = np.random.default_rng(0)
    latent = rng.uniform(size=(request.param, 2))
    return np.column_stack([latent, latent[:, 0] * latent[:, 1], latent[:, 0] ** 2])


def fit_all(estimators, Xs, catches=Exception):
    """Clones, fitted in a thread each; an error stands in for a fit that fails."""
    rendezvous = Rendezvous(len(estimators))
    rendezvous.expect(len(estimators))

    def fit(number, estimator, X):
        with rendezvous.job(number):
            try:
                return clone(estimator).fit(X)
            except catches as error:
                return error

    with ThreadPoolExecutor(len(estimators)) as threads:
        return list(threads.map(fit, count(), estimators, Xs))


def assert_same_fit(actual, expected, X):
    assert actual.n_iter_ == expected.n_iter_
    assert actual.best_iteration_ == expected.best_iteration_
    for name in ("loss_curve_", "validation_loss_curve_", "loss_", "noise_variance_"):
        assert_allclose(getattr(actual, name), getattr(expected, name), **TOGETHER)
    assert_allclose(actual.transform(X), expected.transform(X), **TOGETHER)


@pytest.fixture
def families(monkeypatch):
    """Sizes of the families that have been trained together."""
    seen, train_together = [], together.train_together

    def note(trainings, *arguments):
        seen.append(len(trainings))
        train_together(trainings, *arguments)

    monkeypatch.setattr("skae.training.rendezvous.train_together", note)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
def test_fits_together_are_those_of_fits_alone(family, X):
    estimators = FAMILIES[family]
    together = fit_all(estimators, [X] * len(estimators))
    for estimator, fitted in zip(estimators, together, strict=True):
        assert_same_fit(fitted, clone(estimator).fit(X), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_rows_and_other_families(X, dtype, families):
    estimators = each(Autoencoder, {}, {}, {}) + each(
        Autoencoder, {}, {}, n_components=1
    )
    X = X.astype(dtype)
    Xs = [X[i : len(X) - 10 + i] for i in range(5)]
    Xs[2] = X[:-20]  # batches of another size
    for estimator, rows, fitted in zip(
        estimators, Xs, fit_all(estimators, Xs), strict=True
    ):
        expected = clone(estimator).fit(rows)
        assert_same_fit(fitted, expected, rows)
    assert max(families) >= 2


def test_five_folds_of_a_fit_make_a_family(X, families):
    estimators = each(Autoencoder, {}, {})
    fit_all(estimators, [X] * 2)
    assert families == ([10, 2] if len(X) < 1000 else [2])


def test_same_fits_same_bits(X):
    estimators = FAMILIES["learning rates"]
    first, second = (fit_all(estimators, [X] * 4) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one.transform(X), other.transform(X))


@pytest.fixture
def three_teams(monkeypatch):
    """Threads for three teams, and work enough for each."""
    monkeypatch.setattr(together, "ONE_THREAD_FLOPS", 1.0)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_teams")
@pytest.mark.parametrize("family", ["learning rates", "plans", "noise", "beta"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_teams_make_no_difference(family, X):
    estimators = FAMILIES[family]
    for estimator, fitted in zip(
        estimators, fit_all(estimators, [X] * len(estimators)), strict=True
    ):
        assert_same_fit(fitted, clone(estimator).fit(X), X)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_teams")
@pytest.mark.parametrize(("work", "n_teams"), [(0.4, 1), (1.4, 1), (1.6, 2), (9.0, 3)])
def test_small_networks_never_share_a_product(monkeypatch, work, n_teams):
    X = np.random.default_rng(0).normal(size=(1010, 6))
    of_one = Autoencoder(**SETTINGS)._joint_cost(len(X), X.shape[1]).step
    for place in (together, environment):
        monkeypatch.setattr(place, "ONE_THREAD_FLOPS", 4 * of_one / work)
    found, train = [], together._train_team

    def look(*arguments):
        found.append(torch.get_num_threads())
        train(*arguments)

    monkeypatch.setattr(together, "_train_team", look)
    fit_all(FAMILIES["learning rates"], [X] * 4)
    assert found == [1] * n_teams


@pytest.mark.usefixtures("three_teams")
def test_an_error_outside_of_fits_cuts_all_teams_short(X, monkeypatch):
    epoch, n_epochs, lock = together._Stack.epoch, count(), Lock()

    def fails_once(stack, one_at_a_time):
        with lock:
            number = next(n_epochs)
        if number == 0:
            raise MemoryError
        epoch(stack, one_at_a_time)

    monkeypatch.setattr(together._Stack, "epoch", fails_once)
    estimators = each(Autoencoder, {}, {}, {}, max_iter=10**6, early_stopping=False)
    for error in fit_all(estimators, [X] * 3):
        assert isinstance(error, MemoryError)


def test_a_fit_that_diverges_leaves_the_others_alone(X):
    estimators = each(
        Autoencoder, {}, {"learning_rate_init": 1e6}, {}, early_stopping=False
    )
    good, bad, other = fit_all(estimators, [X] * 3)
    assert isinstance(bad, FloatingPointError)
    assert "learning_rate_init" in str(bad)
    for fitted in (good, other):
        assert_same_fit(fitted, clone(estimators[0]).fit(X), X)


def test_a_fit_that_never_trains_is_not_waited_for(X):
    estimators = each(Autoencoder, {}, {}, {})
    refused, good, other = fit_all(estimators, [X * np.nan, X, X])
    assert isinstance(refused, ValueError)
    for fitted in (good, other):
        assert_same_fit(fitted, clone(estimators[1]).fit(X), X)


def test_more_jobs_than_threads(X):
    rendezvous = Rendezvous(2)
    rendezvous.expect(5)
    estimators = each(Autoencoder, *({"random_state": seed} for seed in range(5)))

    def fit(number, estimator):
        with rendezvous.job(number):
            return clone(estimator).fit(X)

    with ThreadPoolExecutor(2) as threads:
        fitted = list(threads.map(fit, count(), estimators))
    for estimator, done in zip(estimators, fitted, strict=True):
        assert_same_fit(done, clone(estimator).fit(X), X)


def test_rendezvous_that_has_ended_lets_nobody_wait(X):
    rendezvous = Rendezvous(2)
    rendezvous.expect(2)  # of which one will never come

    def fit():
        with rendezvous.job(0):
            return Autoencoder(**SETTINGS).fit(X)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(fit)
        rendezvous.end()
        with pytest.raises(RuntimeError, match="search was ended"):
            waiting.result()


@pytest.mark.parametrize("Kind", [Autoencoder, Listed], ids=["joint", "alone"])
def test_a_fit_within_a_callback_is_nobody_to_wait_for(X, monkeypatch, Kind):
    ends, within = EpochReporter.epoch_ends, local()

    def fit_another(self, history):
        if not getattr(within, "another", False):
            within.another = True
            within.score = Kind(**SETTINGS).fit(X[:20]).score(X)
            within.another = False
        return ends(self, history)

    estimators = each(Kind, {}, {"random_state": 1}, early_stopping=False)
    expected = [clone(estimator).fit(X) for estimator in estimators]
    monkeypatch.setattr(EpochReporter, "epoch_ends", fit_another)
    for fitted, alone in zip(fit_all(estimators, [X] * 2), expected, strict=True):
        assert_same_fit(fitted, alone, X)


def test_exit_within_a_training_leaves_nobody_with_half_of_it(X, monkeypatch):
    def leave(self, history):
        raise SystemExit

    monkeypatch.setattr(EpochReporter, "epoch_ends", leave)
    estimators = each(Autoencoder, {}, {}, {}, early_stopping=False)
    first, *others = sorted(
        fit_all(estimators, [X] * 3, catches=BaseException),
        key=lambda error: isinstance(error, RuntimeError),
    )
    assert isinstance(first, SystemExit)
    assert len(others) == 2
    for error in others:
        assert "search was ended" in str(error)


def test_many_float32_fits_give_the_same_bits_again(X):
    changes = [
        {"learning_rate_init": rate, "random_state": seed}
        for rate in (1e-3, 1e-2)
        for seed in range(10)
    ]
    estimators = each(Autoencoder, *changes, precision="float32")
    first, second = (fit_all(estimators, [X] * len(estimators)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one.transform(X), other.transform(X))


def test_failure_of_the_whole_family_is_everybodys_error(X, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("skae.training.rendezvous.train_together", fail)
    for error in fit_all(each(Autoencoder, {}, {}), [X] * 2):
        assert isinstance(error, MemoryError)
        assert "batch_size" in str(error)


class TwoWordsError(Exception):
    """An error that cannot be copied."""

    def __init__(self, first, second):
        super().__init__(f"{first} {second}")


@pytest.mark.parametrize("error", [ValueError("a b"), TwoWordsError("a", "b")])
def test_every_fit_tells_of_itself_alone(X, monkeypatch, error):
    def fail(*arguments):
        raise error from KeyError("why")

    monkeypatch.setattr("skae.training.rendezvous.train_together", fail)
    found = fit_all(each(Autoencoder, *[{}] * 6), [X] * 6)
    told = ["".join(traceback.format_exception(one)) for one in found]
    for one, text in zip(found, told, strict=True):
        assert type(one) is type(error)
        assert str(one) == "a b"
        assert isinstance(one.__cause__, KeyError)
        assert "in fail" in text
    if isinstance(error, ValueError):
        assert len(set(told)) == 1


def test_network_that_cannot_be_compared_is_trained_alone(X, families):
    estimators = each(Listed, {}, {"random_state": 1})
    for estimator, fitted in zip(estimators, fit_all(estimators, [X] * 2), strict=True):
        assert_same_fit(fitted, clone(estimator).fit(X), X)
    assert families == []


def test_epochs_are_told_once_and_to_nobody_who_has_finished(monkeypatch, X):
    begun, ended = defaultdict(int), defaultdict(int)
    begins, ends = EpochReporter.epoch_begins, EpochReporter.epoch_ends

    def epoch_begins(self):
        begun[id(self)] += 1
        return begins(self)

    def epoch_ends(self, history):
        ended[id(self)] += 1
        return ends(self, history)

    monkeypatch.setattr(EpochReporter, "epoch_begins", epoch_begins)
    monkeypatch.setattr(EpochReporter, "epoch_ends", epoch_ends)
    plans = [{"max_iter": n} for n in (2, 9, 9, 9, 9)]
    fitted = fit_all(each(Autoencoder, *plans, early_stopping=False), [X] * 5)
    assert begun == ended
    assert sorted(ended.values()) == sorted(f.n_iter_ for f in fitted)
