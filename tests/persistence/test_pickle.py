"""Pickle and joblib work too, and warn where versions differ."""

import copy
import io
import pickle
import warnings

import joblib
import pytest
from numpy.testing import assert_array_equal

import skae
from skae import Autoencoder, AutoencoderClassifier
from skae.persistence import InconsistentVersionWarning


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIERS = {
    "pickle": lambda e: pickle.loads(pickle.dumps(e)),
    "joblib": by_joblib,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
def test_round_trips(copier, kind, made, assert_same, outputs):
    again = copier(made(kind))
    assert_same(made(kind), again)
    said = outputs(again)
    for method, output in outputs(made(kind)).items():
        assert_array_equal(said[method], output, strict=True)


@pytest.mark.parametrize("estimator", [Autoencoder(), AutoencoderClassifier()])
class TestVersions:
    def test_another_version_is_told(self, estimator, monkeypatch):
        old = pickle.dumps(estimator).replace(
            skae.__version__.encode(), b"9" * len(skae.__version__)
        )
        with pytest.warns(InconsistentVersionWarning) as told:
            again = pickle.loads(old)
        assert type(again) is type(estimator)
        assert vars(again) == vars(estimator)
        (warning,) = [w.message for w in told]
        assert warning.estimator_name == type(estimator).__name__
        assert warning.current_version == skae.__version__
        assert set(warning.original_version) == {"9"}
        assert f"is read by skae {skae.__version__}" in str(warning)

    def test_a_state_without_a_version_is_told(self, estimator):
        with pytest.warns(InconsistentVersionWarning, match=r"skae before 0\.1"):
            copy.copy(estimator).__setstate__(dict(vars(estimator)))

    def test_the_same_version_is_not(self, estimator):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            again = pickle.loads(pickle.dumps(estimator))
        assert vars(again) == vars(estimator)

    def test_the_state_handed_over_is_left_alone(self, estimator):
        state = estimator.__getstate__()
        kept = dict(state)
        copy.copy(estimator).__setstate__(state)
        assert state == kept
