"""Parts of one's own that are not what they must be are named."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV

from skae import Autoencoder
from skae.model_selection import AutoencoderSearchCV
from skae.objectives import (
    Bernoulli,
    CodePenalty,
    GaussianNoise,
    Penalty,
    WeightDecay,
)

SETTINGS = {
    "hidden_layer_sizes": (8,),
    "batch_size": 30,
    "max_iter": 3,
    "early_stopping": False,
    "random_state": 0,
}


@pytest.fixture
def X():
    return np.random.default_rng(0).uniform(size=(120, 6))


@dataclass(frozen=True)
class Ridge(CodePenalty):
    """``alpha ** power`` times the squared length of a code."""

    power: int = 1

    uses_norms = False

    def statistic(self, units):
        return units.square()

    def total(self, means, norms):
        return self.alpha**self.power * means.sum(-1)

    def gradient(self, code, norms, out):
        factor = 2.0 * self.alpha**self.power / code.shape[-1]
        torch.mul(code, factor, out=out)
        return self.total(code.square().mean(-1), norms), None


class Ridged(Autoencoder):
    """Autoencoder with such a penalty."""

    def __init__(self, n_components=2, *, alpha=1.0, power=1, max_iter=3):
        super().__init__(n_components, **SETTINGS)
        self.alpha, self.power = alpha, power
        self.max_iter = max_iter

    def _compose(self, n_features):
        return self._dense(n_features, penalty=Ridge(self.alpha, self.power))


def composed(**parts):
    """An autoencoder of these parts."""

    class Own(Autoencoder):
        def _compose(self, n_features):
            return self._dense(n_features, **parts)

    return Own(2, **SETTINGS)


def test_proportional_penalties_are_trained_together(X):
    grid = {"alpha": [0.0, 0.1, 0.5, 3.0]}
    found, expected = (
        search(Ridged(), grid, cv=2).fit(X).cv_results_["mean_test_score"]
        for search in (AutoencoderSearchCV, GridSearchCV)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_others_are_told_to_be_trained_alone(X):
    grid = {"alpha": [0.1, 3.0], "power": [2]}
    search = AutoencoderSearchCV(Ridged(), grid, cv=2, error_score="raise")
    with pytest.raises(ValueError, match=r"Ridge is not proportional.*together=False"):
        search.fit(X)
    alone = search.set_params(train_together=False).fit(X)
    expected = GridSearchCV(Ridged(), grid, cv=2).fit(X)
    np.testing.assert_array_equal(
        alone.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("axis", [0, None])
def test_a_statistic_has_terms_for_each_row(X, axis, by_hand):
    class Mean(Ridge if by_hand else Penalty):
        alpha = 1.0

        def statistic(self, units):
            return units.square().mean(axis)

        def total(self, means, norms):
            return means.sum(-1)

    penalty = Mean(1.0) if by_hand else Mean()
    with pytest.raises(ValueError, match=r"Mean\.statistic must give .* each row"):
        composed(penalty=penalty).fit(X)


def returns(found):
    """A gradient that is written, and returns this."""

    def gradient(self, code, norms, out):
        out.zero_()
        return found(code)

    return gradient


def writes_half(self, code, norms, out):
    out[:1] = 0.0
    return code.sum((-2, -1)), None


@pytest.mark.parametrize(
    ("gradient", "error", "words"),
    [
        (returns(torch.ones_like), TypeError, "returns Tensor"),
        (returns(lambda code: None), TypeError, "returns NoneType"),
        (
            returns(lambda code: (0.0, None)),
            ValueError,
            r"shape \(\), but returns float",
        ),
        (returns(lambda code: (code.sum(-1), None)), ValueError, r"returns \(2,\)"),
        (
            returns(lambda code: (code.sum(), code.sum(0))),
            ValueError,
            r"norms of their shape.* are None, and it is \(30,\)",
        ),
        (writes_half, ValueError, r"all of out, of shape \(2, 30\), .*NaN"),
    ],
    ids=["a tensor", "nothing", "a number", "a row", "other norms", "half of it"],
)
@pytest.mark.parametrize("search", [False, True])
def test_a_gradient_by_hand_is_what_it_must_be(
    X, gradient, error, words, search, monkeypatch
):
    monkeypatch.setattr(Ridge, "gradient", gradient)
    model = Ridged()
    if search:
        model = AutoencoderSearchCV(
            model, {"alpha": [0.1, 0.2]}, cv=2, error_score="raise"
        )
        words = r"Ridge\.gradient must"
    with pytest.raises(error, match=words):
        model.fit(X)


@pytest.mark.parametrize(
    ("name", "part"),
    [("penalty", Ridge(1.0)), ("corruption", GaussianNoise(0.1))],
    ids=["penalty", "corruption"],
)
def test_parts_in_other_units_are_given_back(X, name, part, monkeypatch):
    monkeypatch.setattr(type(part), "in_units", lambda *arguments: None)
    words = rf"{type(part).__name__}\.in_units must return the {name}"
    with pytest.raises(TypeError, match=words):
        composed(**{name: part}).fit(X)


def test_parts_stand_in_place_of_what_the_parameters_say(X):
    found = composed(likelihood=Bernoulli(), decay=WeightDecay(0.1)).fit(X)
    expected = Autoencoder(2, likelihood="bernoulli", weight_decay=0.1, **SETTINGS)
    np.testing.assert_array_equal(found.transform(X), expected.fit(X).transform(X))
