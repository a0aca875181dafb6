"""Folds: who judges whom, and how many epochs they grant."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skae.estimators import folds


@pytest.mark.parametrize("n", [10, 11, 57])
def test_every_row_is_left_out_exactly_once(n):
    order = np.random.default_rng(0).permutation(n)
    pairs = list(folds.split(order))
    assert len(pairs) == folds.N_FOLDS
    left_out = np.concatenate([left_out for _, left_out in pairs])
    assert sorted(left_out) == list(range(n))


def test_nobody_judges_what_it_was_trained_on():
    for kept, left_out in folds.split(np.arange(23)):
        assert not set(kept) & set(left_out)
        assert len(kept) + len(left_out) == 23


def test_the_epoch_of_the_lowest_mean_loss_is_chosen():
    losses = np.tile([5.0, 3.0, 1.0, 2.0], (5, 1)) + np.arange(5)[:, None]
    epochs, curve = folds.choose_epochs(losses)
    assert epochs == 2
    assert_allclose(curve, [5.0, 3.0, 4.0])


@pytest.mark.parametrize(("gain", "epochs"), [(1.0, 1), (0.1, 0), (-1.0, 0)])
def test_a_gain_within_its_standard_error_is_none(gain, epochs):
    noise = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    start = 10.0 + np.arange(5.0)
    losses = np.column_stack([start, start - gain - noise])
    assert noise.std(ddof=1) / np.sqrt(5) == pytest.approx(0.3536, rel=1e-3)
    assert folds.choose_epochs(losses)[0] == epochs


def test_where_nothing_changes_nothing_is_trained():
    assert folds.choose_epochs(np.ones((5, 4)))[0] == 0
