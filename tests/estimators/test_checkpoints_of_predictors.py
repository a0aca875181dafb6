"""Checkpoints of pretraining and fine-tuning: of a predictor, and of what is in it."""

import os
from contextlib import contextmanager, suppress

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from skae import Autoencoder, AutoencoderClassifier, LinearAutoencoder
from skae.training import Checkpoint, loop

FILE = "checkpoint.safetensors"
SHORT = {"max_iter": 5, "random_state": 0}
DENSE = Autoencoder(2, hidden_layer_sizes=(8,), early_stopping=False, **SHORT)
WITHIN = {"dense": DENSE, "linear": LinearAutoencoder(2, solver="adam", **SHORT)}


class Killed(BaseException):
    """What nobody catches."""


@pytest.fixture
def y(X):
    return np.digitize(X[:, 0], [0.4, 0.6])


def predictor(autoencoder, **given):
    return AutoencoderClassifier(
        autoencoder, alpha=0.5, batch_size=7, max_iter=2, random_state=0, **given
    )


@pytest.fixture
def interrupted_in(monkeypatch):
    """Fit, with Ctrl-C in one of the epochs that are left."""

    def fit(model, epoch, *data):
        run_epoch, begun = loop.run_epoch, []

        def interrupted(*arguments):
            begun.append(arguments)
            if len(begun) == epoch:
                raise KeyboardInterrupt
            return run_epoch(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "run_epoch", interrupted)
            with pytest.warns(UserWarning, match="interrupted"):
                return model.fit(*data)

    return fit


@contextmanager
def killed_after(n):
    """Let the process, so to say, be killed after so many checkpoints."""
    put, written = Checkpoint.put, []

    def counted(self, *arguments):
        put(self, *arguments)
        written.append(arguments)
        if len(written) == n:
            raise Killed

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(Checkpoint, "put", counted)
        yield
    assert len(written) == n


def test_rows_read_in_blocks_are_not_those_of_an_array(X, y, tmp_path, monkeypatch):
    monkeypatch.setattr("skae.data.sources.BLOCK_BYTES", 4 * 5 * 13)
    model = predictor(clone(DENSE), checkpoint_dir=tmp_path)
    with killed_after(2):
        clone(model).fit(X, y)
    with pytest.raises(ValueError, match=r"X was .* and is .*, in blocks of 13"):
        model.fit(da.from_array(X), y)


def test_an_autoencoder_with_its_own_goes_on_without_a_seed(X, y, tmp_path):
    own = clone(DENSE).set_params(checkpoint_dir=tmp_path, random_state=None)
    model = AutoencoderClassifier(own, fine_tune="head")
    with killed_after(2):
        clone(model).fit(X, y)
    assert os.listdir(tmp_path) == [FILE]
    with killed_after(1):  # its third
        clone(model).fit(X, y)
    assert len(clone(model).fit(X, y).autoencoder_.loss_curve_) == 5
    assert os.listdir(tmp_path) == []


UNFIT = [(PCA(2), "an autoencoder of skae"), (Autoencoder(), "not fitted yet")]


@pytest.mark.parametrize(("within", "words"), UNFIT)
def test_a_frozen_estimator_that_is_unfit_is_refused_first(
    within, words, X, y, tmp_path
):
    if isinstance(within, PCA):
        within.fit(X)
    model = AutoencoderClassifier(FrozenEstimator(within), checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)
    assert os.listdir(tmp_path) == []


class TestAnInterruptOfThePretraining:
    @pytest.mark.parametrize("within", WITHIN)
    @pytest.mark.parametrize("every", [1, 2, 5])
    def test_keeps_nothing_that_follows_from_it(
        self, within, every, X, y, tmp_path, interrupted_in
    ):
        model = predictor(clone(WITHIN[within]))
        expected = clone(model).fit(X, y)
        model.set_params(checkpoint_dir=tmp_path, checkpoint_every=every)
        fitted = interrupted_in(clone(model), 4, X, y)
        assert len(fitted.autoencoder_.loss_curve_) == 3
        assert len(fitted.loss_curve_) == 2
        found = clone(model).fit(X, y)
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
        assert found.loss_curve_ == expected.loss_curve_
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("within", WITHIN)
    def test_takes_nothing_that_follows_from_an_earlier_one(
        self, within, X, y, tmp_path, interrupted_in
    ):
        model = predictor(clone(WITHIN[within]))
        expected = interrupted_in(clone(model), 4, X, y)
        model.set_params(checkpoint_dir=tmp_path, checkpoint_every=2)
        interrupted_in(clone(model), 3, X, y)
        found = interrupted_in(clone(model), 2, X, y)  # its fourth: two are done
        assert len(found.autoencoder_.loss_curve_) == 3
        assert found.loss_curve_ == expected.loss_curve_
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
