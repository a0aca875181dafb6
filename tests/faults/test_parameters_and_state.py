"""Bad parameters, copies, and what may and may not change a fitted estimator."""

import copy
import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)

METHODS = [
    "transform",
    "inverse_transform",
    "reconstruct",
    "reconstruction_error",
    "score",
    "score_samples",
]


@pytest.mark.parametrize("method", METHODS)
def test_method_before_fit_is_refused(estimator, X, refusal, method):
    with refusal(estimator, NotFittedError, "is not fitted yet"):
        getattr(estimator, method)(X)


def test_output_names_before_fit_are_refused(estimator, refusal):
    with refusal(estimator, NotFittedError, "is not fitted yet"):
        estimator.get_feature_names_out()


def test_network_before_fit_is_refused(estimator, refusal):
    with refusal(estimator, NotFittedError, "is not fitted yet"):
        estimator.network_  # noqa: B018
    assert not hasattr(estimator, "network_")


SHARED = {
    "n_components": [0, -1, 2.5, "two", None],
    "tied_weights": ["yes", None],
    "weight_decay": [-1.0, np.nan, "small"],
    "learning_rate": ["adaptive", 0.1],
    "learning_rate_init": [0.0, -1.0, np.nan, "adaptive"],
    "batch_size": [0, 2.5, "all", None],
    "block_size": [0, 2.5, "all", None],
    "max_iter": [0, -1, 2.5],
    "tol": [-1e-4, 1.0, None],
    "n_iter_no_change": [0, 2.5, None],
    "shuffle": ["yes", None],
    "precision": ["float16", 32, None],
    "device": ["nonsense", "cuda:99", "meta", 0, None],
    "nan_policy": ["ignore", True, None],
    "checkpoint_dir": [3, b"folder", True],
    "checkpoint_every": [0, -1, 2.5, "epoch", None],
    "verbose": [-1, "loud"],
    "random_state": [-1, "seed", 0.5],
}
DENSE = SHARED | {
    "hidden_layer_sizes": [0, -8, 2.5, "8", None, (8, 0), (8, -1), (8, 2.5), ("a",)],
    "activation": ["sigmoid", None],
    "code_activation": ["sigmoid", None],
    "output_activation": ["relu", None],
    "linear_path": ["yes", None],
    "init": ["random", None],
    "likelihood": ["student", None],
    "early_stopping": ["yes", None],
    "validation_fraction": [-0.1, 1.0, None],
    "warm_start": ["yes", None],
}
LINEAR = SHARED | {"solver": ["svd", None]}

OWN = {
    DenoisingAutoencoder: {
        "corruption": ["blur", None],
        "noise": [-1.0, np.nan, "loud", None],
    },
    ContractiveAutoencoder: {
        "alpha": [-1.0, np.nan, "small", None],
        "n_probes": [0, 1.5, None],
    },
    SparseAutoencoder: {
        "n_components": [0, -1, 2.5, "two"],
        "penalty": ["l2", None],
        "alpha": [-1.0, np.nan, "small", None],
        "sparsity": [0.0, 1.0, -0.5, None],
        "penalize": ["decoder", None],
    },
    TopKAutoencoder: {
        "n_components": [0, -1, 2.5, "two"],
        "k": [0, -1, 2.5, "few"],
        "alpha": [-1.0, np.nan, "small", None],
    },
    VariationalAutoencoder: {
        "beta": [-1.0, np.nan, "fit", None],
        "beta_warm_up": [-1, 2.5, None],
        "free_bits": [-1.0, np.nan, None],
        "noise_variance": [0.0, -1.0, np.nan, "auto", None],
    },
    StackedAutoencoder: {"fine_tune": ["yes", None]},
}
TABLES = {LinearAutoencoder: LINEAR, Autoencoder: DENSE, **OWN}

BAD = [
    pytest.param(kind, name, value, id=f"{kind.__name__}({name}={value!r})")
    for kind, table in TABLES.items()
    for name, values in table.items()
    for value in values
]


@pytest.mark.parametrize("kind", TABLES)
def test_every_parameter_is_tried_below(kind):
    inherited = set(DENSE) if kind in OWN else set()
    assert set(kind().get_params()) - inherited <= set(TABLES[kind])
    assert set(TABLES[kind]) <= set(kind().get_params())


@pytest.mark.parametrize("kind", OWN)
def test_inherited_parameters_keep_their_constraints(kind):
    inherited = set(kind().get_params()) & set(DENSE) - set(OWN[kind])
    ours, theirs = kind._parameter_constraints, Autoencoder._parameter_constraints
    changed = {name for name in inherited if ours[name] != theirs[name]}
    assert changed <= {"code_activation"}


@pytest.mark.fault(63, 64)
@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_bad_parameter_is_refused_by_name_range_and_value(
    X, refusal, kind, name, value
):
    estimator = kind(max_iter=1, random_state=0).fit(X)
    before = estimator.transform(X)
    estimator.set_params(**{name: value})
    message = (
        f"The {name!r} parameter of {kind.__name__} must be .+ "
        f"Got {re.escape(repr(value))} instead"
    )
    with refusal(estimator, InvalidParameterError, message):
        estimator.fit(X)
    assert_array_equal(estimator.transform(X), before)


def test_unknown_parameter_is_refused(estimator, refusal):
    with refusal(estimator, ValueError, "Invalid parameter 'latent_dim' for estimator"):
        estimator.set_params(latent_dim=2)


@pytest.mark.parametrize("kind", [LinearAutoencoder, Autoencoder])
def test_unknown_argument_is_refused(kind):
    with pytest.raises(TypeError, match="latent_dim"):
        kind(latent_dim=2)


@pytest.mark.parametrize("kind", [LinearAutoencoder, Autoencoder])
def test_second_positional_argument_is_refused(kind):
    with pytest.raises(TypeError, match="positional"):
        kind(2, "adam")


def test_clone_is_unfitted_and_fits_the_same(any_estimator, X, everything, assert_same):
    expected = everything(any_estimator.fit(X), X)
    other = clone(any_estimator)
    assert other.get_params() == any_estimator.get_params()
    assert not hasattr(other, "n_features_in_")
    assert_same(everything(other.fit(X), X), expected)


COPIES = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_copy_of_a_fitted_estimator_is_equal(
    any_estimator, X, everything, assert_same, make_copy
):
    expected = everything(any_estimator.fit(X), X)
    assert_same(everything(make_copy(any_estimator), X), expected)


def test_deepcopy_is_not_changed_by_a_refit(any_estimator, X, everything, assert_same):
    expected = everything(any_estimator.fit(X), X)
    other = copy.deepcopy(any_estimator)
    any_estimator.fit(X[::-1] ** 2)
    assert_same(everything(other, X), expected)


def test_fitted_estimator_holds_no_torch_object(any_estimator, X, everything):
    everything(any_estimator.fit(X), X)
    assert b"torch" not in pickle.dumps(any_estimator)


def test_parameter_is_set_through_a_pipeline(estimator, X):
    pipeline = make_pipeline(StandardScaler(), estimator)
    step = pipeline.steps[-1][0]
    pipeline.set_params(**{f"{step}__n_components": 3}).fit(X, np.arange(len(X)))
    assert pipeline.transform(X).shape == (60, 3)


def test_bad_parameter_set_through_a_pipeline_is_refused(estimator, X):
    pipeline = make_pipeline(StandardScaler(), estimator)
    step = pipeline.steps[-1][0]
    pipeline.set_params(**{f"{step}__n_components": 0})
    with pytest.raises(InvalidParameterError, match="'n_components' parameter"):
        pipeline.fit(X)


def test_estimator_handed_to_a_search_is_not_changed(estimator, X):
    before = dict(vars(estimator))
    GridSearchCV(estimator, {"n_components": [1, 2]}, cv=2).fit(X)
    assert vars(estimator) == before


def test_fit_leaves_the_parameters_alone():
    sizes, state = [8, 4], np.random.RandomState(0)
    estimator = Autoencoder(hidden_layer_sizes=sizes, max_iter=1, random_state=state)
    before = estimator.get_params()
    estimator.fit(np.eye(6))
    after = estimator.get_params()
    assert all(after[name] is before[name] for name in before)
    assert sizes == [8, 4]


OTHER_VALUES = {
    "n_components": 3,
    "solver": "adam",
    "tied_weights": True,
    "weight_decay": 1.0,
    "learning_rate": "constant",
    "learning_rate_init": 0.5,
    "batch_size": 7,
    "block_size": 7,
    "max_iter": 9,
    "tol": 0.5,
    "n_iter_no_change": 1,
    "shuffle": False,
    "precision": "float64",
    "device": "nonsense",
    "checkpoint_dir": "elsewhere",
    "checkpoint_every": 3,
    "verbose": True,
    "random_state": 7,
    "hidden_layer_sizes": (5, 4),
    "activation": "tanh",
    "code_activation": "relu",
    "output_activation": "logistic",
    "linear_path": False,
    "init": "glorot",
    "likelihood": "bernoulli",
    "early_stopping": False,
    "validation_fraction": 0.5,
    "warm_start": True,
}


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_parameter_set_after_fit_waits_for_the_next_fit(
    estimator, X, everything, assert_same, name
):
    expected = everything(estimator.fit(X), X)
    names = list(estimator.get_feature_names_out())
    if name in estimator.get_params():
        estimator.set_params(**{name: OTHER_VALUES[name]})
    assert_same(everything(estimator, X), expected)
    assert list(estimator.get_feature_names_out()) == names


def test_parameters_set_after_fit_leave_a_pickle_and_the_network_alone(estimator, X):
    expected = estimator.fit(X).reconstruct(X)
    other = {k: v for k, v in OTHER_VALUES.items() if k in estimator.get_params()}
    estimator = pickle.loads(pickle.dumps(estimator.set_params(**other)))
    assert_array_equal(estimator.reconstruct(X), expected)
    assert estimator.network_.network.n_components == 2


OTHER_SHAPES = {
    "n_components": ({"n_components": 3}, 6),
    "a wider layer": ({"hidden_layer_sizes": (9,)}, 6),
    "another layer": ({"hidden_layer_sizes": (8, 8)}, 6),
    "no layer": ({"hidden_layer_sizes": ()}, 6),
    "fewer features": ({}, 5),
}


@pytest.mark.parametrize(
    ("parameters", "width"), OTHER_SHAPES.values(), ids=OTHER_SHAPES
)
def test_warm_start_with_another_shape_is_refused(
    dense, X, everything, assert_same, refusal, parameters, width
):
    dense.set_params(hidden_layer_sizes=(8,), warm_start=True)
    expected = everything(dense.fit(X), X)
    dense.set_params(**parameters)
    with refusal(dense, ValueError, "warm_start=True needs .*shape"):
        dense.fit(X[:, :width])
    assert_same(everything(dense, X), expected)


def test_warm_start_with_tied_weights_is_refused(X, refusal):
    estimator = Autoencoder(max_iter=1, warm_start=True, random_state=0).fit(X)
    estimator.set_params(tied_weights=True)
    with refusal(estimator, ValueError, "warm_start=True needs .*shape"):
        estimator.fit(X)


def test_warm_start_with_another_likelihood_is_refused(dense, X, refusal):
    X = (X > 1.0).astype(np.float64)
    dense.set_params(warm_start=True).fit(X)
    dense.set_params(likelihood="bernoulli")
    with refusal(dense, ValueError, "warm_start=True"):
        dense.fit(X)


def test_warm_start_leaves_copies_of_the_old_fit_alone(
    dense, X, everything, assert_same
):
    expected = everything(dense.set_params(warm_start=True).fit(X), X)
    old = copy.copy(dense)
    dense.fit(X)
    assert_same(everything(old, X), expected)


@pytest.mark.fault(72)
def test_warm_start_that_diverges_keeps_the_old_fit(
    dense, X, everything, assert_same, refusal
):
    expected = everything(dense.set_params(warm_start=True).fit(X), X)
    dense.set_params(learning_rate_init=1e6, max_iter=9)
    with refusal(dense, FloatingPointError, "Training diverged"):
        dense.fit(X)
    assert_same(everything(dense, X), expected)
