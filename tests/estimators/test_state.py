"""What an estimator holds after a fit, and after one that failed."""

import copy
import pickle
from itertools import count
from types import FunctionType, ModuleType

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from skae import LinearAutoencoder
from skae.training import HandwrittenStep

METHODS = [
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "score",
    "score_samples",
]
TRAINED = [
    *["dense", "deep-tied", "plain", "bernoulli", "logistic", "poisson", "denoising"],
    *["contractive", "sparse", "sparse-kl", "top-k", "variational", "stacked"],
]

parametrize = pytest.mark.parametrize
trained = parametrize("fitted", TRAINED, indirect=True)


def torch_objects(root):
    """Everything from torch that can be reached from `root` through its attributes."""
    seen, found, queue = set(), [], [root]
    while queue:
        item = queue.pop()
        if id(item) in seen or isinstance(item, type | ModuleType | FunctionType):
            continue
        seen.add(id(item))
        if type(item).__module__.split(".")[0] == "torch":
            found.append(item)
        elif isinstance(item, dict):
            queue += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            queue += item
        elif isinstance(item, np.ndarray) and item.base is not None:
            queue.append(item.base)
        queue += list(getattr(item, "__dict__", {}).values())
    return found


class TestState:
    def test_the_walk_finds_what_it_looks_for(self):
        class Holder:
            pass

        holder = Holder()
        holder.deep = {"a": [(torch.zeros(1),)]}
        holder.array = torch.ones(2).numpy()
        assert len(torch_objects(holder)) == 2

    def test_there_is_no_torch_object_in_a_fitted_estimator(self, fitted, new):
        for method in (fitted.transform, fitted.reconstruct, fitted.score):
            method(new)
            method(new.astype(np.float32))
        fitted.network_  # noqa: B018
        fitted.score_samples(new)
        assert torch_objects(fitted) == []

    def test_a_pickle_knows_nothing_of_torch_tensors(self, fitted, new):
        fitted.transform(new)
        assert b"torch" not in pickle.dumps(fitted)

    @parametrize(
        "copier", [copy.deepcopy, copy.copy, lambda e: pickle.loads(pickle.dumps(e))]
    )
    def test_copies_do_the_same(self, copier, fitted, new):
        other = copier(fitted)
        for name in METHODS:
            data = np.ones((3, 2)) if name == "inverse_transform" else new
            assert_array_equal(getattr(other, name)(data), getattr(fitted, name)(data))

    def test_clones_are_not_fitted_and_fit_the_same(self, fitted, X):
        other = clone(fitted)
        with pytest.raises(NotFittedError):
            other.transform(X)
        assert_array_equal(other.fit(X).transform(X), fitted.transform(X))

    def test_pickles_do_not_grow_with_use(self, fitted, new):
        before = len(pickle.dumps(fitted))
        fitted.transform(new)
        fitted.transform(new.astype(np.float32))
        assert len(pickle.dumps(fitted)) == before

    def test_parameters_are_not_touched_by_fit(self, fitted):
        again = clone(fitted).get_params()
        assert fitted.get_params() == again

    def test_set_params_after_fit_changes_nothing(self, variants, variant, X, new):
        fitted = variants[variant]().fit(X)
        before = {
            m: getattr(fitted, m)(np.ones((3, 2)) if m == "inverse_transform" else new)
            for m in METHODS
        }
        other = {
            "n_components": 4,
            "tied_weights": not getattr(fitted, "tied_weights", True),
            "hidden_layer_sizes": (3,),
            "activation": "tanh",
            "likelihood": "gaussian",
            "output_activation": "identity",
            "linear_path": False,
            "k": 2,
            "noise_variance": 7.0,
        }
        known = fitted.get_params()
        fitted.set_params(**{name: other[name] for name in other if name in known})
        for m, expected in before.items():
            data = np.ones((3, 2)) if m == "inverse_transform" else new
            assert_array_equal(getattr(fitted, m)(data), expected)

    def test_the_network_is_that_of_the_fit_too(self, dense, X, new):
        fitted = dense().fit(X).set_params(hidden_layer_sizes=(3,), n_components=4)
        with torch.no_grad():
            output = fitted.network_(torch.from_numpy(new)).numpy()
        assert_allclose(output, fitted.reconstruct(new), rtol=1e-12)


class Interrupt:
    """Presses Ctrl+C at a step of the training."""

    def __init__(self, monkeypatch, at_step):
        steps, step = count(1), HandwrittenStep.__call__

        def interrupted(self, batch):
            if next(steps) == at_step:
                raise KeyboardInterrupt
            return step(self, batch)

        monkeypatch.setattr(HandwrittenStep, "__call__", interrupted)


class TestFailedFit:
    def snapshot(self, fitted, X):
        kept = {k: v for k, v in vars(fitted).items() if k.endswith("_")}
        return kept, fitted.transform(X)

    def assert_intact(self, fitted, X, snapshot):
        kept, codes = self.snapshot(fitted, X)
        assert kept.keys() == snapshot[0].keys()
        assert all(kept[name] is snapshot[0][name] for name in kept)
        assert_array_equal(codes, snapshot[1])

    def test_refused_data_leave_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        for bad in (X * np.nan, X[:0], X[:, 0], X * 1e300):
            with pytest.raises(ValueError):  # noqa: PT011
                fitted.fit(bad)
        self.assert_intact(fitted, X, snapshot)

    def test_refused_parameters_leave_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        with pytest.raises(ValueError, match="'n_components' parameter"):
            fitted.set_params(n_components=0).fit(X)
        self.assert_intact(fitted, X, snapshot)

    def test_refused_data_of_another_width_leave_the_old_width(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        wide = np.hstack([X, X])
        with pytest.raises(ValueError, match="NaN"):
            fitted.fit(np.where(wide > 0.5, np.nan, wide))
        self.assert_intact(fitted, X, snapshot)

    @trained
    def test_divergence_leaves_the_old_fit(self, fitted, X):
        snapshot = self.snapshot(fitted, X)
        fitted.set_params(
            learning_rate_init=1e6,
            max_iter=50,
            output_activation="identity",
            likelihood="gaussian",
        )
        with pytest.raises(FloatingPointError, match=r"diverged in epoch \d+"):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    @trained
    def test_an_interrupt_in_the_first_epoch_leaves_the_old_fit(
        self, fitted, X, monkeypatch
    ):
        snapshot = self.snapshot(fitted, X)
        Interrupt(monkeypatch, at_step=2)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    @pytest.mark.fault(73)
    @trained
    def test_a_later_interrupt_keeps_the_last_complete_epoch(
        self, fitted, X, monkeypatch
    ):
        # Three steps make an epoch; the stacked one has trained two layers before.
        Interrupt(monkeypatch, at_step=8 + 15 * len(getattr(fitted, "layers_", ())))
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            fitted.fit(X)
        assert fitted.n_iter_ == 2
        assert fitted.loss_ == pytest.approx(fitted.reconstruction_error(X).mean())

    @parametrize("at_step", [1, 5, 20])
    def test_an_interrupt_in_the_folds_leaves_the_old_fit(
        self, dense, at_step, X, monkeypatch
    ):
        # No epoch of the fit itself is complete: there is nothing to keep.
        fitted = dense(early_stopping="auto").fit(X)
        snapshot = self.snapshot(fitted, X)
        Interrupt(monkeypatch, at_step)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    @pytest.mark.fault(73)
    @parametrize("at_step", [2, 8, 20])
    def test_an_interrupt_in_the_layers_leaves_the_old_fit(
        self, variants, at_step, X, monkeypatch
    ):
        # No epoch of the network itself is complete: there is nothing to keep.
        fitted = variants["stacked"]().fit(X)
        snapshot = self.snapshot(fitted, X)
        Interrupt(monkeypatch, at_step)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X)
        self.assert_intact(fitted, X, snapshot)

    def test_a_first_fit_that_fails_leaves_none(self, dense, X):
        estimator = dense()
        with pytest.raises(ValueError, match="NaN"):
            estimator.fit(X * np.nan)
        with pytest.raises(NotFittedError):
            estimator.transform(X)

    @parametrize("sizes", [(0,), (8, -1), (2.5,), ("8",)], ids=str)
    def test_hidden_layers_must_have_units(self, dense, sizes, X):
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            dense(hidden_layer_sizes=sizes).fit(X)

    @parametrize("sizes", [8, [8], np.array([8]), (np.int64(8),)], ids=str)
    def test_hidden_layers_can_be_written_in_many_ways(self, dense, sizes, X):
        expected = dense(hidden_layer_sizes=(8,)).fit(X).transform(X)
        assert_array_equal(
            dense(hidden_layer_sizes=sizes).fit(X).transform(X), expected
        )

    def test_more_components_than_pca_has_are_refused_by_the_linear_one(self, X):
        for solver in ("exact", "adam"):
            with pytest.raises(
                ValueError, match="n_components=6 must be between 1 and"
            ):
                LinearAutoencoder(6, solver=solver).fit(X)
