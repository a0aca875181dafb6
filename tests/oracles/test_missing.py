"""Missing entries: everything is as if only the others were there."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skae.data import Scaling
from skae.objectives import (
    Bernoulli,
    Gaussian,
    GaussianNoise,
    Hiding,
    LogisticGaussian,
    MaskingNoise,
    ObservedCorruption,
    ObservedLikelihood,
    Poisson,
    SaltAndPepper,
)

LIKELIHOODS = [Gaussian(), LogisticGaussian(), Bernoulli(), Poisson()]
every_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)


def make(n=9, d=4, seed=0):
    """Outputs, and targets in [0, 1] of which a third is missing."""
    rng = np.random.default_rng(seed)
    target = rng.random((n, d))
    target[rng.random((n, d)) < 1 / 3] = np.nan
    return torch.from_numpy(rng.normal(size=(n, d))), torch.from_numpy(target)


class TestLikelihood:
    @every_likelihood
    def test_every_sum_is_over_what_is_there(self, likelihood):
        output, target = make()
        there, observed = ~target.isnan(), ObservedLikelihood(likelihood)
        known = output[there], target[there]
        for entries, expected in (
            (observed.loss(output, target), likelihood.loss(*known)),
            (observed.least_loss(target), likelihood.least_loss(known[1])),
            (observed.deviance(output, target), likelihood.deviance(*known)),
            (
                observed.log_density(output, target, 0.3),
                likelihood.log_density(*known, 0.3),
            ),
        ):
            torch.testing.assert_close(entries[there], expected)
            assert (entries[~there] == 0.0).all()

    @every_likelihood
    def test_it_is_the_same_where_nothing_is_missing(self, likelihood):
        output, target = make()
        target, observed = target.nan_to_num(0.5), ObservedLikelihood(likelihood)
        loss = observed.loss(output, target)
        torch.testing.assert_close(loss, likelihood.loss(output, target))
        for dim in (None, 1):
            torch.testing.assert_close(
                observed.average(loss, target, dim),
                likelihood.average(loss, target, dim),
            )
        assert torch.equal(observed.n_entries(target), likelihood.n_entries(target))
        assert torch.equal(observed.complete(target), likelihood.complete(target))
        assert torch.equal(observed.features(target), likelihood.features(target))
        assert torch.equal(observed.mean(output), likelihood.mean(output))
        assert torch.equal(observed.link(target), likelihood.link(target))
        assert observed.standardises == likelihood.standardises
        assert observed.has_variance == likelihood.has_variance
        assert observed.bounds == likelihood.bounds
        assert (observed.omits, likelihood.omits) == (True, False)

    @every_likelihood
    def test_gradient_by_hand_is_that_of_autograd(self, likelihood):
        output, target = make()
        observed, out = ObservedLikelihood(likelihood), torch.empty_like(output)
        value = observed.loss_gradient(output, target, out, 1.0 / target.numel())
        leaf = output.clone().requires_grad_()
        loss = observed.average(observed.loss(leaf, target), target)
        torch.testing.assert_close(value, loss.detach())
        torch.testing.assert_close(out, torch.autograd.grad(loss, leaf)[0])
        assert (out[target.isnan()] == 0.0).all()

    @every_likelihood
    def test_what_it_cannot_have_is_refused(self, likelihood):
        if likelihood.bounds:
            with pytest.raises(ValueError, match="X_val must lie in"):
                ObservedLikelihood(likelihood).check(-1.0, 1.0, "X_val")
        ObservedLikelihood(likelihood).check(0.0, 1.0)

    def test_means_are_over_what_is_there(self):
        output, target = make()
        observed = ObservedLikelihood(Gaussian())
        loss, there = observed.loss(output, target), ~target.isnan()
        squares = np.where(there, (output - target) ** 2, np.nan)
        assert_allclose(observed.average(loss, target), np.nanmean(squares))
        rows = there.sum(1) > 0
        means = observed.average(loss, target, 1)
        assert_allclose(means[rows], np.nanmean(squares[rows], axis=1))
        assert_allclose(observed.n_entries(target), there.sum(1))

    def test_gaps_are_completed_by_means(self):
        rows = torch.tensor(
            [[1.0, torch.nan], [torch.nan, torch.nan], [4.0, torch.nan]]
        )
        completed = ObservedLikelihood(Gaussian()).complete(rows)
        assert completed.tolist() == [[1.0, 0.0], [2.5, 0.0], [4.0, 0.0]]


@pytest.mark.parametrize(
    "corruption", [GaussianNoise(0.3), MaskingNoise(0.5), SaltAndPepper(0.5)], ids=repr
)
def test_a_corruption_leaves_gaps_and_treats_the_rest_as_ever(corruption):
    _, rows = make()
    units = torch.zeros(4), 2.0, 0.0, 1.0
    observed = ObservedCorruption(corruption).in_units(*units)
    corrupted = observed.corrupt(rows, torch.Generator().manual_seed(0))
    expected = corruption.in_units(*units).corrupt(
        rows.nan_to_num(0.5), torch.Generator().manual_seed(0)
    )
    there = ~rows.isnan()
    assert torch.equal(corrupted.isnan(), ~there)
    assert torch.equal(corrupted[there], expected[there])


@pytest.mark.parametrize("rest", [None, ObservedCorruption(GaussianNoise(0.3))])
def test_hiding_makes_more_gaps_and_leaves_the_rest(rest):
    rows = torch.from_numpy(np.random.default_rng(0).random((500, 4)))
    rows[::3, 1] = torch.nan
    hiding = Hiding(0.4, rest).in_units(torch.zeros(4), 2.0, 0.0, 1.0)
    seen = hiding.corrupt(rows, torch.Generator().manual_seed(0))
    assert seen.isnan()[rows.isnan()].all()
    hidden = seen.isnan() & ~rows.isnan()
    assert float(hidden.sum() / (~rows.isnan()).sum()) == pytest.approx(0.4, abs=0.03)
    kept = ~seen.isnan()
    assert torch.equal(seen[kept], rows[kept]) == (rest is None)
    if rest is not None:
        noise = (seen - rows)[kept]
        assert float(noise.std()) == pytest.approx(0.15, rel=0.1)


class TestScaling:
    @pytest.mark.parametrize("offset", [0.0, 1e8])
    def test_it_is_that_of_what_is_there(self, offset):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, 5)) * np.arange(1, 6) + rng.normal(size=5)
        X[rng.random(X.shape) < 0.3] = np.nan
        scaling = Scaling.fit(X + offset)
        mean = np.nanmean(X, axis=0)
        assert_allclose(scaling.mean, mean + offset, rtol=1e-12)
        scale = np.sqrt(np.nanmean((X - mean) ** 2))
        assert_allclose(scaling.scale, scale, rtol=1e-7 if offset else 1e-12)

    def test_a_column_without_entries_has_the_mean_zero(self):
        X = np.array([[1.0, np.nan], [3.0, np.nan]])
        scaling = Scaling.fit(X)
        assert scaling.mean.tolist() == [2.0, 0.0]
        assert scaling.scale == pytest.approx(1.0)

    def test_values_too_large_are_refused_beside_gaps(self):
        with pytest.raises(ValueError, match="overflow"):
            Scaling.fit(np.array([[1e200, np.nan], [-1e200, 1.0]]))

    def test_an_overflow_is_no_gap(self):
        with pytest.raises(ValueError, match="overflow"):
            Scaling.fit(np.array([[1.7e308, 1.0], [-1.7e308, 1.0], [1.7e308, 0.0]]))
