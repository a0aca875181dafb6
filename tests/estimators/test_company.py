"""Fits in company: for each of them it is as if it were alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
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
from skae.training import Company, together

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


@pytest.fixture(params=[150, 1100], ids=["in folds", "held out"])
def X(request):
    rng = np.random.default_rng(0)
    latent = rng.uniform(size=(request.param, 2))
    return np.column_stack([latent, latent[:, 0] * latent[:, 1], latent[:, 0] ** 2])


def fit_in_company(estimators, Xs):
    """Clones, fitted in a thread each; an error stands in for a fit that fails."""
    company = Company(len(estimators))
    company.expect(len(estimators))

    def fit(estimator, X):
        with company.errand():
            try:
                return clone(estimator).fit(X)
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(estimators)) as threads:
        return list(threads.map(fit, estimators, Xs))


def assert_same_fit(actual, expected, X):
    assert actual.n_iter_ == expected.n_iter_
    assert actual.best_iteration_ == expected.best_iteration_
    for name in ("loss_curve_", "validation_loss_curve_", "loss_", "noise_variance_"):
        assert_allclose(getattr(actual, name), getattr(expected, name), **TOGETHER)
    assert_allclose(actual.transform(X), expected.transform(X), **TOGETHER)


@pytest.fixture
def crews(monkeypatch):
    """Sizes of the families that have been trained together."""
    seen, train_together = [], together.train_together

    def note(trainings, *arguments):
        seen.append(len(trainings))
        train_together(trainings, *arguments)

    monkeypatch.setattr("skae.training.company.train_together", note)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
def test_fits_in_company_are_those_of_fits_alone(family, X):
    estimators = FAMILIES[family]
    together = fit_in_company(estimators, [X] * len(estimators))
    for estimator, fitted in zip(estimators, together, strict=True):
        assert_same_fit(fitted, clone(estimator).fit(X), X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_rows_and_other_families(X, dtype, crews):
    estimators = each(Autoencoder, {}, {}, {}, precision="float32") + each(
        Autoencoder, {}, {}, n_components=1
    )
    X = X.astype(dtype)
    Xs = [X[i : len(X) - 10 + i] for i in range(5)]
    Xs[2] = X[:-20]  # batches of another size
    for estimator, rows, fitted in zip(
        estimators, Xs, fit_in_company(estimators, Xs), strict=True
    ):
        expected = clone(estimator).fit(rows)
        assert_allclose(fitted.loss_curve_, expected.loss_curve_, rtol=1e-4)
    assert max(crews) >= 2


def test_five_folds_of_a_fit_make_a_family(X, crews):
    estimators = each(Autoencoder, {}, {})
    fit_in_company(estimators, [X] * 2)
    assert crews == ([10, 2] if len(X) < 1000 else [2])


def test_same_company_same_bits(X):
    estimators = FAMILIES["learning rates"]
    first, second = (fit_in_company(estimators, [X] * 4) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one.transform(X), other.transform(X))


def test_a_fit_that_diverges_leaves_the_others_alone(X):
    estimators = each(
        Autoencoder, {}, {"learning_rate_init": 1e6}, {}, early_stopping=False
    )
    good, bad, other = fit_in_company(estimators, [X] * 3)
    assert isinstance(bad, FloatingPointError)
    assert "learning_rate_init" in str(bad)
    for fitted in (good, other):
        assert_same_fit(fitted, clone(estimators[0]).fit(X), X)


def test_a_fit_that_never_trains_is_not_waited_for(X):
    estimators = each(Autoencoder, {}, {}, {})
    refused, good, other = fit_in_company(estimators, [X * np.nan, X, X])
    assert isinstance(refused, ValueError)
    for fitted in (good, other):
        assert_same_fit(fitted, clone(estimators[1]).fit(X), X)


def test_more_errands_than_threads(X):
    company = Company(2)
    company.expect(5)
    estimators = each(Autoencoder, *({"random_state": seed} for seed in range(5)))

    def fit(estimator):
        with company.errand():
            return clone(estimator).fit(X)

    with ThreadPoolExecutor(2) as threads:
        fitted = list(threads.map(fit, estimators))
    for estimator, done in zip(estimators, fitted, strict=True):
        assert_same_fit(done, clone(estimator).fit(X), X)


def test_dissolved_company_lets_nobody_wait(X):
    company = Company(2)
    company.expect(2)  # of whom one will never come

    def fit():
        with company.errand():
            return Autoencoder(**SETTINGS).fit(X)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(fit)
        company.dissolve()
        with pytest.raises(RuntimeError, match="search was ended"):
            waiting.result()
