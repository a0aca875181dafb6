"""Checkpoints of pretraining and fine-tuning: of a predictor, and of what is in it."""

import os

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator

from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    DenoisingAutoencoder,
    LinearAutoencoder,
)
from skae.training import Checkpoint, loop

FILE = "checkpoint.safetensors"
SHORT = {"max_iter": 5, "random_state": 0}
DENSE = Autoencoder(2, hidden_layer_sizes=(8,), early_stopping=False, **SHORT)
WITHIN = {"dense": DENSE, "linear": LinearAutoencoder(2, solver="adam", **SHORT)}
DENOISING = DenoisingAutoencoder(
    2, hidden_layer_sizes=(8,), noise=0.1, early_stopping=False, **SHORT
)
TUNED = {"alpha": 0.5, "consistency": 0.5, "batch_size": 7, "max_iter": 6}
WITH_HEADS = {
    "gradual": AutoencoderClassifier(
        DENOISING, fine_tune="gradual", hidden_layer_sizes=(4,), random_state=0, **TUNED
    ),
    "few labels": AutoencoderRegressor(
        DENOISING, unlabeled=-1, random_state=0, **TUNED
    ),
    "frozen": AutoencoderClassifier(
        FrozenEstimator(clone(DENOISING).fit(np.eye(9, 5))), random_state=0, **TUNED
    ),
}


@pytest.fixture
def y(X):
    return np.digitize(X[:, 0], [0.4, 0.6])


def predictor(autoencoder, **given):
    given = {"alpha": 0.5, "batch_size": 7, "max_iter": 2, "random_state": 0} | given
    return AutoencoderClassifier(autoencoder, **given)


@pytest.fixture
def interrupted_in(monkeypatch):
    """Fit, with Ctrl-C in one of the epochs that are left, of which it is told once."""

    def fit(model, epoch, *data):
        run_epoch, begun = loop.run_epoch, []

        def interrupted(*arguments):
            begun.append(arguments)
            if len(begun) == epoch:
                raise KeyboardInterrupt
            return run_epoch(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "run_epoch", interrupted)
            with pytest.warns(UserWarning, match="interrupted") as told:
                model.fit(*data)
        assert len(told) == 1
        assert len(begun) == epoch
        return model

    return fit


@pytest.mark.parametrize("name", WITH_HEADS)
def test_whenever_it_is_killed_it_goes_on(name, X, y, tmp_path, assert_goes_on):
    if name == "few labels":
        y[20:] = -1
    assert_goes_on(clone(WITH_HEADS[name]), tmp_path, X, y)


def test_rows_read_in_blocks_are_not_those_of_an_array(
    X, y, tmp_path, monkeypatch, killed_after
):
    monkeypatch.setattr("skae.data.sources.BLOCK_BYTES", 4 * 5 * 13)
    model = predictor(clone(DENSE), checkpoint_dir=tmp_path)
    with killed_after(2):
        clone(model).fit(X, y)
    with pytest.raises(ValueError, match=r"X was .* and is .*, in blocks of 13"):
        model.fit(da.from_array(X), y)


class TestAnAutoencoderWithItsOwn:
    def test_goes_on_in_the_predictor(self, X, tmp_path, killed_after, everything):
        own = clone(DENOISING).set_params(checkpoint_dir=tmp_path)
        model = AutoencoderClassifier(own, random_state=0, **TUNED)
        y = X[:, 0] > 0.5
        expected = everything(clone(model).fit(X, y))
        with killed_after(2):
            clone(model).fit(X, y)
        assert os.listdir(tmp_path) == [FILE]
        assert everything(clone(model).fit(X, y)) == expected
        assert os.listdir(tmp_path) == []

    def test_goes_on_without_a_seed(self, X, y, tmp_path, killed_after):
        own = clone(DENSE).set_params(checkpoint_dir=tmp_path, random_state=None)
        model = AutoencoderClassifier(own, fine_tune="head")
        with killed_after(2):
            clone(model).fit(X, y)
        assert os.listdir(tmp_path) == [FILE]
        with killed_after(1):  # its third
            clone(model).fit(X, y)
        assert len(clone(model).fit(X, y).autoencoder_.loss_curve_) == 5
        assert os.listdir(tmp_path) == []

    def test_goes_on_after_an_interrupt(self, X, y, tmp_path, interrupted_in):
        own = clone(DENSE).set_params(checkpoint_dir=tmp_path)
        expected = predictor(clone(DENSE)).fit(X, y)
        interrupted_in(predictor(own), 3, X, y)
        assert os.listdir(tmp_path) == [FILE]
        found = predictor(own).fit(X, y)
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))


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
    @pytest.mark.parametrize("fine_tune", ["all", "gradual", "head"])
    def test_ends_the_fit_with_a_head_on_what_is_there(
        self, within, fine_tune, X, y, interrupted_in
    ):
        model = predictor(clone(WITHIN[within]), fine_tune=fine_tune)
        fitted = interrupted_in(model, 4, X, y)
        alone = interrupted_in(clone(WITHIN[within]), 4, X)
        expected = predictor(FrozenEstimator(alone), fine_tune="head").fit(X, y)
        assert len(fitted.autoencoder_.loss_curve_) == 3
        assert (fitted.loss_curve_, fitted.n_iter_) == ([], 1)
        assert_array_equal(fitted.transform(X), alone.transform(X))
        assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))

    def test_ends_the_fit_under_hidden_layers_too(self, X, y, interrupted_in):
        model = predictor(clone(DENSE), hidden_layer_sizes=(4,))
        fitted = interrupted_in(model, 4, X, y)
        linear = interrupted_in(predictor(clone(DENSE)), 4, X, y)
        assert fitted.loss_curve_ == []
        assert_array_equal(fitted.predict(X), linear.predict(X))

    @pytest.mark.parametrize("within", WITHIN)
    @pytest.mark.parametrize("every", [1, 2, 5])
    def test_can_go_on_to_the_same_bits(
        self, within, every, X, y, tmp_path, interrupted_in
    ):
        model = predictor(clone(WITHIN[within]))
        expected = clone(model).fit(X, y)
        model.set_params(checkpoint_dir=tmp_path, checkpoint_every=every)
        interrupted_in(clone(model), 4, X, y)
        found = clone(model).fit(X, y)
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
        assert found.loss_curve_ == expected.loss_curve_
        assert os.listdir(tmp_path) == []

    def test_takes_nothing_that_follows_from_an_earlier_one(
        self, X, y, tmp_path, interrupted_in
    ):
        model = predictor(clone(DENSE))
        expected = interrupted_in(clone(model), 4, X, y)
        model.set_params(checkpoint_dir=tmp_path, checkpoint_every=2)
        interrupted_in(clone(model), 3, X, y)
        found = interrupted_in(clone(model), 2, X, y)  # its fourth: two are done
        assert len(found.autoencoder_.loss_curve_) == 3
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_at_its_end_loses_nothing_of_it(
        self, moment, X, y, tmp_path, monkeypatch, killed_after
    ):
        model = predictor(clone(DENSE))
        expected = clone(model).fit(X, y)
        model.set_params(checkpoint_dir=tmp_path)
        put = Checkpoint.put

        def interrupted(self, number, state):
            if state.is_over and moment == "before":
                raise KeyboardInterrupt
            put(self, number, state)
            if state.is_over:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "put", interrupted)
            with pytest.warns(UserWarning, match="interrupted"):
                fitted = clone(model).fit(X, y)
        assert fitted.loss_curve_ == []
        assert os.listdir(tmp_path) == [FILE]
        with killed_after(np.inf) as written:
            found = clone(model).fit(X, y)
        assert [number for number, _ in written] in ([1, 1], [0, 1, 1])
        assert_array_equal(found.predict_proba(X), expected.predict_proba(X))

    def test_is_no_interrupt_of_a_fit_that_takes_it_frozen(self, X, y, interrupted_in):
        frozen = FrozenEstimator(interrupted_in(clone(DENSE), 4, X))
        assert predictor(frozen).fit(X, y).n_iter_ == 2


class TestAnInterruptOfTheFineTuning:
    @pytest.mark.parametrize("fine_tune", ["all", "gradual"])
    def test_in_its_first_epoch_keeps_the_pretraining(
        self, fine_tune, X, y, tmp_path, interrupted_in
    ):
        model = predictor(clone(DENSE), fine_tune=fine_tune, max_iter=6)
        complete = clone(model).fit(X, y)
        model.set_params(checkpoint_dir=tmp_path)
        fitted = interrupted_in(clone(model), 5 + 1, X, y)
        expected = predictor(clone(DENSE), fine_tune="head").fit(X, y)
        assert (fitted.loss_curve_, fitted.n_iter_) == ([], 1)
        assert_array_equal(fitted.transform(X), expected.transform(X))
        assert_array_equal(fitted.predict(X), expected.predict(X))
        found = clone(model).fit(X, y)
        assert_array_equal(found.predict_proba(X), complete.predict_proba(X))

    def test_in_the_first_epoch_of_a_stage_keeps_the_stages_before(
        self, X, y, interrupted_in
    ):
        model = predictor(clone(DENSE), fine_tune="gradual", max_iter=6)
        fitted = interrupted_in(model, 5 + 2 + 1, X, y)
        assert len(fitted.loss_curve_) == fitted.n_iter_ == 2

    def test_of_a_frozen_encoder_is_raised_in_its_first_epoch(
        self, X, y, interrupted_in
    ):
        model = predictor(FrozenEstimator(clone(DENSE).fit(X)))
        with pytest.raises(KeyboardInterrupt):
            interrupted_in(model, 1, X, y)
        assert not hasattr(model, "n_iter_")
