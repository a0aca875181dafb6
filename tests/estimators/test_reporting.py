"""What a fit prints, and what it warns of."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skae import Autoencoder

PLAIN = ["dense", "deep-tied", "plain", "bernoulli", "logistic", "poisson", "stacked"]
PENALISED = ["contractive", "sparse", "sparse-kl", "variational"]
TRAINED = [*PLAIN, *PENALISED, "denoising", "top-k"]

parametrize = pytest.mark.parametrize
plain = parametrize("fitted", PLAIN, indirect=True)
trained = parametrize("fitted", TRAINED, indirect=True)


class TestVerbose:
    def lines(self, capsys):
        return capsys.readouterr().out.splitlines()

    def test_every_epoch_is_told(self, dense, X, capsys):
        dense(verbose=True).fit(X)
        lines = self.lines(capsys)
        assert [line.split(",")[0] for line in lines] == [
            f"Iteration {i}" for i in range(1, 6)
        ]

    def test_nothing_is_said_without_it(self, fitted, capsys):
        assert self.lines(capsys) == []

    def test_losses_are_those_of_the_curve(self, dense, descent, X, capsys):
        for make in (dense, descent):
            fitted = make(verbose=True).fit(30.0 * X)
            told = [float(line.split("loss = ")[1]) for line in self.lines(capsys)]
            assert told == pytest.approx(fitted.loss_curve_, rel=1e-6)

    def test_validation_losses_are_told_too(self, dense, X, new, capsys):
        fitted = dense(verbose=True).fit(30.0 * X, X_val=30.0 * new)
        told = [float(line.split("loss = ")[2]) for line in self.lines(capsys)]
        assert told == pytest.approx(fitted.validation_loss_curve_, rel=1e-6)


class TestConvergenceWarning:
    def test_a_constant_rate_warns_at_the_last_epoch(self, dense, X):
        with pytest.warns(
            ConvergenceWarning, match=r"Maximum iterations \(5\) reached"
        ):
            dense(learning_rate="constant").fit(X)

    def test_the_warning_points_at_the_caller(self, dense, X):
        with pytest.warns(ConvergenceWarning) as caught:
            dense(learning_rate="constant").fit(X)
        assert caught[0].filename == __file__

    def test_a_constant_rate_that_was_stopped_does_not(self, dense, X):
        settings = {"learning_rate": "constant", "tol": 0.9, "n_iter_no_change": 2}
        assert dense(**settings).fit(X).n_iter_ < 5

    def test_a_plan_that_came_to_its_end_does_not(self, dense, X):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert dense(learning_rate="cosine").fit(X).n_iter_ == 5


@parametrize("noise", [0.0, 1.0])
def test_verbose_tells_of_each_fold_and_what_they_have_chosen(noise, X, capsys):
    t = np.linspace(-1, 1, 60)
    curve = np.column_stack([t, t**2, t**3]) * (1.0 - noise)
    rows = curve + noise * np.random.default_rng(0).normal(size=curve.shape)
    fitted = Autoencoder(1, verbose=True, random_state=0, max_iter=30).fit(rows)
    *told, chose = capsys.readouterr().out.splitlines()[:6]
    for number, line in enumerate(told, start=1):
        assert line.startswith(f"Fold {number} of 5: validation loss = ")
        assert 1 <= int(line.rpartition("after iteration ")[2]) <= 30
    epochs = fitted.n_iter_ if fitted.best_iteration_ else None
    chosen = f"{epochs} iterations" if epochs else "the start, PCA where it is one"
    assert chose.startswith(f"Folds chose {chosen}: validation loss = ")
    assert bool(epochs) == (noise == 0.0)
    starts, best = (
        [float(line.split(mark)[0].split()[-1]) for line in (*told, chose)]
        for mark in (" at the start", " at best")
    )
    assert np.mean(starts[:5]) == pytest.approx(starts[5], rel=1e-6)
    assert np.mean(best[:5]) <= best[5] * (1 + 1e-6)  # each at an epoch of its own
