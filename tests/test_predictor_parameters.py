"""Every parameter of the classifier and the regressor has its effect."""

import inspect

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

import skae
from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    DenoisingAutoencoder,
)
from skae.training import Checkpoint

COMMON = {
    "autoencoder": None,
    "hidden_layer_sizes": (4,),
    "activation": "gelu",
    "fine_tune": "all",
    "alpha": 0.0,
    "consistency": 0.0,
    "C": 1.0,
    "unlabeled": None,
    "learning_rate_init": 1e-2,
    "batch_size": 20,
    "max_iter": 4,
    "checkpoint_dir": None,
    "checkpoint_every": 1,
    "verbose": False,
    "random_state": 0,
}
SETTINGS = {
    AutoencoderClassifier: COMMON | {"class_weight": None},
    AutoencoderRegressor: COMMON,
}
ESTIMATORS = list(SETTINGS)

# (parameter, another value)
OF_BOTH = [
    ("autoencoder", Autoencoder(2, max_iter=2, random_state=0)),
    ("hidden_layer_sizes", (4, 3)),
    ("hidden_layer_sizes", ()),
    ("activation", "tanh"),
    ("fine_tune", "gradual"),
    ("fine_tune", "head"),
    ("alpha", 0.5),
    ("consistency", 0.5),
    ("C", 0.1),
    ("unlabeled", 0),
    ("learning_rate_init", 1e-3),
    ("batch_size", 7),
    ("batch_size", "auto"),
    ("max_iter", 5),
    ("max_iter", None),
    ("random_state", 1),
]
CHANGES_THE_FIT = [
    (Estimator, name, value) for Estimator in ESTIMATORS for name, value in OF_BOTH
]
CHANGES_THE_FIT += [
    (AutoencoderClassifier, "class_weight", "balanced"),
    (AutoencoderClassifier, "class_weight", {0: 5.0}),
]
HAS_A_TEST_OF_ITS_OWN = {"checkpoint_dir", "checkpoint_every", "verbose"}


def make_data():
    """Rows with structure, and what is one of three numbers for each."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, size=(60, 2))
    rows = np.column_stack([t, t**2, np.prod(t, axis=1)])
    return rows + 0.05 * rng.normal(size=rows.shape), np.digitize(t[:, 0], [-0.5, 0.7])


X, Y = make_data()
PRETRAINED = DenoisingAutoencoder(
    2, noise=0.1, hidden_layer_sizes=(8,), max_iter=3, random_state=0
).fit(X)


def make(Estimator, **changes):
    """An estimator on an encoder that is fitted already."""
    settings = SETTINGS[Estimator] | {"autoencoder": FrozenEstimator(PRETRAINED)}
    return Estimator(**settings | changes)


def fingerprint(estimator):
    """What a fit leaves behind, as far as a user can see it."""
    estimator.fit(X, Y)
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(X).tobytes(), estimator.n_iter_
    return estimator.predict(X).tobytes(), estimator.n_iter_


def describe(value):
    return value.__name__ if inspect.isclass(value) else str(value)


@pytest.mark.parametrize(("Estimator", "name", "value"), CHANGES_THE_FIT, ids=describe)
def test_parameter_changes_the_fit(Estimator, name, value):
    estimator = make(Estimator)
    before = fingerprint(estimator)
    assert fingerprint(estimator) == before
    assert fingerprint(estimator.set_params(**{name: value})) != before
    assert fingerprint(make(Estimator, **{name: value})) == fingerprint(estimator)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_checkpoints_change_nothing(Estimator, tmp_path, monkeypatch):
    unsaved, written = fingerprint(make(Estimator)), []
    monkeypatch.setattr(Checkpoint, "put", lambda *arguments: written.append(arguments))
    for every, n in ((1, 4), (2, 2), (9, 1)):
        written.clear()
        saved = make(Estimator, checkpoint_dir=tmp_path, checkpoint_every=every)
        assert fingerprint(saved) == unsaved
        assert len(written) == n


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["noise", "corruption"])
def test_noise_in_fine_tuning_is_the_autoencoders(Estimator, name):
    # As its parameters have it, also for one that is fitted already.
    before = fingerprint(make(Estimator))
    changed = DenoisingAutoencoder(**PRETRAINED.get_params()).fit(X)
    changed.set_params(**{name: {"noise": 0.4, "corruption": "masking"}[name]})
    after = fingerprint(make(Estimator, autoencoder=FrozenEstimator(changed)))
    assert after != before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_verbose_prints(Estimator, capsys):
    silent = fingerprint(make(Estimator))
    assert capsys.readouterr().out == ""
    assert fingerprint(make(Estimator, verbose=True)) == silent
    said = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == [f"Iteration {i}" for i in range(1, 5)]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_of_the_signature_is_tested(Estimator):
    tested = {name for owner, name, _ in CHANGES_THE_FIT if owner is Estimator}
    tested |= HAS_A_TEST_OF_ITS_OWN
    assert tested == set(inspect.signature(Estimator).parameters)
    assert set(SETTINGS[Estimator]) == tested


def test_every_public_predictor_is_in_the_table():
    public = [getattr(skae, name) for name in skae.__all__]
    classes = [c for c in public if inspect.isclass(c) and issubclass(c, BaseEstimator)]
    others = {c for c in classes if not issubclass(c, AutoencoderTransformer)}
    assert others == set(ESTIMATORS)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_only_the_first_parameter_is_positional(Estimator):
    kinds = [p.kind for p in inspect.signature(Estimator).parameters.values()]
    assert kinds[0] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds[1:]) == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_has_its_constraints(Estimator):
    constraints = Estimator._parameter_constraints
    assert set(constraints) == set(inspect.signature(Estimator).parameters)


BAD = {
    "autoencoder": ["dense", Autoencoder],
    "hidden_layer_sizes": ["wide", 0, (4, 0)],
    "activation": ["sigmoid"],
    "fine_tune": ["none"],
    "alpha": [-1.0],
    "consistency": [-1.0],
    "C": [0.0],
    "learning_rate_init": [0.0],
    "batch_size": [0],
    "max_iter": [0],
    "random_state": ["seed"],
}


@pytest.mark.fault(63, 64)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD.items() for value in values],
    ids=describe,
)
def test_bad_values_are_refused_by_name(Estimator, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {Estimator.__name__}"):
        make(Estimator, **{name: value}).fit(X, Y)


def test_bad_marks_and_weights_are_refused_by_name():
    with pytest.raises(ValueError, match="'unlabeled' parameter of AutoencoderRegr"):
        make(AutoencoderRegressor, unlabeled="none").fit(X, Y)
    with pytest.raises(ValueError, match="'class_weight' parameter of AutoencoderCl"):
        make(AutoencoderClassifier, class_weight="fair").fit(X, Y)
