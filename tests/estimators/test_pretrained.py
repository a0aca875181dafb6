"""The classifier and the regressor on a pretrained encoder."""

import copy
import pickle
import random
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    DenoisingAutoencoder,
    LinearAutoencoder,
)
from skae.estimators.finetuning import FineTuning
from skae.estimators.supervised import SupervisedObjective

SHORT = {"hidden_layer_sizes": (8,), "max_iter": 3, "precision": "float64"}
SEEDED, QUICK = SHORT | {"random_state": 0}, {"max_iter": 3, "random_state": 0}
JOINT = {"alpha": 0.5, "consistency": 0.5}
parametrize = pytest.mark.parametrize


@pytest.fixture
def y(X):
    """Labels that the rows tell: (60,), of three classes."""
    return np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))


@pytest.fixture
def few(y):
    """The same, with twenty rows that have a label."""
    return np.where(np.arange(60) % 3 == 0, y, -1)


def classifier(autoencoder=None, **changes):
    autoencoder = autoencoder or DenoisingAutoencoder(2, noise=0.1, **SHORT)
    return AutoencoderClassifier(autoencoder, **QUICK | changes)


def regressor(autoencoder=None, **changes):
    autoencoder = autoencoder or DenoisingAutoencoder(2, noise=0.1, **SHORT)
    return AutoencoderRegressor(autoencoder, **QUICK | changes)


class TestPretraining:
    def test_is_the_autoencoder_of_all_rows(self, X, few):
        expected = Autoencoder(2, **SEEDED).fit(X)
        model = classifier(Autoencoder(2, **SEEDED), unlabeled=-1).fit(X, few)
        found = model.autoencoder_
        assert_array_equal(found.transform(X), expected.transform(X))
        assert_array_equal(found.reconstruct(X), expected.reconstruct(X))

    def test_what_is_handed_over_is_not_changed(self, X, y):
        autoencoder = Autoencoder(2, **SHORT)
        before = copy.deepcopy(vars(autoencoder))
        model = classifier(autoencoder).fit(X, y)
        assert vars(autoencoder) == before
        assert model.autoencoder is autoencoder
        assert model.autoencoder_ is not autoencoder

    def test_its_seed_is_its_own_or_ours(self, X, y):
        def codes(ours, own):
            autoencoder = Autoencoder(2, **SHORT | {"linear_path": False})
            autoencoder.set_params(random_state=own)
            model = classifier(autoencoder, random_state=ours, fine_tune="head")
            return model.fit(X, y).transform(X)

        assert_array_equal(codes(0, None), codes(0, None))
        assert not np.array_equal(codes(0, None), codes(1, None))
        assert_array_equal(codes(0, 5), codes(1, 5))

    def test_without_one_there_is_a_default(self, X, y):
        model = AutoencoderClassifier(max_iter=2, random_state=0).fit(X, y)
        assert type(model.autoencoder_) is Autoencoder
        assert model.transform(X).shape == (60, 32)
        assert model.score(X, y) > 0.8

    @parametrize("changes", [{"fine_tune": "head"}, {"fine_tune": "all"}], ids=str)
    def test_a_frozen_one_is_used_as_it_is(self, X, few, changes):
        autoencoder = Autoencoder(2, **SEEDED).fit(X[:40])
        model = classifier(FrozenEstimator(autoencoder), unlabeled=-1, **changes)
        model.fit(X, few)
        assert model.autoencoder_._fitted is autoencoder._fitted
        is_frozen = changes["fine_tune"] == "head"
        same = np.array_equal(model.transform(X), autoencoder.transform(X))
        assert same == is_frozen

    def test_a_frozen_one_must_be_fitted(self, X, y):
        with pytest.raises(NotFittedError):
            classifier(FrozenEstimator(Autoencoder())).fit(X, y)

    def test_a_frozen_one_must_be_of_the_family(self, X, y):
        with pytest.raises(ValueError, match=r"'autoencoder' parameter .* of skae"):
            classifier(FrozenEstimator(PCA(2).fit(X))).fit(X, y)

    def test_a_frozen_one_must_know_these_features(self, X, y):
        autoencoder = Autoencoder(2, **SEEDED).fit(X[:, :3])
        with pytest.raises(ValueError, match="Autoencoder is expecting 3 features"):
            classifier(FrozenEstimator(autoencoder)).fit(X, y)

    def test_any_variant_will_do(self, variants, variant, X, few):
        changes = {"unlabeled": -1, "alpha": 0.5}
        for fine_tune in ("all", "gradual"):
            model = classifier(variants[variant](), fine_tune=fine_tune, **changes)
            model.fit(X, few)
            assert np.isfinite(model.predict_proba(X)).all()
            codes = model.autoencoder_.transform(X)
            assert_array_equal(model.transform(X), codes)


class TestLabels:
    @parametrize("mark", [-1, np.nan, "", "none"], ids=str)
    def test_unlabelled_rows_may_be_marked_as_one_likes(self, X, few, mark):
        expected = classifier(unlabeled=-1, **JOINT).fit(X, few)
        marked = np.where(few == -1, mark, few.astype(type(mark)))
        model = classifier(unlabeled=mark, **JOINT).fit(X, marked)
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
        assert_array_equal(model.classes_.astype(float), [0, 1, 2])

    def test_by_default_every_row_has_a_label(self, X, few):
        with pytest.warns(UserWarning, match="Most labels are -1"):
            model = classifier().fit(X, few)
        assert_array_equal(model.classes_, [-1, 0, 1, 2])

    def test_only_the_joint_terms_see_unlabelled_rows(self, X, few):
        frozen = FrozenEstimator(DenoisingAutoencoder(2, **SEEDED).fit(X))

        def proba(rows, **changes):
            model = classifier(frozen, unlabeled=-1, **changes)
            return model.fit(X[rows], few[rows]).predict_proba(X)

        known, everything = few != -1, np.full(60, True)
        assert_array_equal(proba(known), proba(everything))
        for name in JOINT:
            joint = {name: 0.5}
            assert not np.array_equal(proba(known, **joint), proba(everything, **joint))
            joint["fine_tune"] = "head"
            assert_array_equal(proba(known, **joint), proba(everything, **joint))

    @parametrize("words", [["no", "yes"], ["a", "b", "c"]], ids=str)
    def test_strings(self, X, y, words):
        labels = np.array(words)[np.minimum(y, len(words) - 1)]
        model = classifier().fit(X, labels)
        assert_array_equal(model.classes_, words)
        proba = model.predict_proba(X)
        assert proba.shape == (60, len(words))
        assert_allclose(proba.sum(axis=1), 1.0)
        assert_array_equal(model.predict(X), np.array(words)[proba.argmax(axis=1)])

    def test_classes_may_be_weighted(self, X, y):
        frozen = FrozenEstimator(Autoencoder(2, **SEEDED).fit(X))
        plain, heavy = (
            classifier(frozen, class_weight=weight).fit(X, y).predict_proba(X)[:, 2]
            for weight in (None, {2: 50.0})
        )
        assert heavy.mean() > plain.mean()

    @parametrize("fill", [-1, np.nan], ids=str)
    def test_some_must_be_labelled(self, X, fill):
        with pytest.raises(
            ValueError, match=f"All rows of y are unlabelled, .* {fill}"
        ):
            classifier(unlabeled=fill).fit(X, np.full(60, float(fill)))

    def test_two_classes_at_least(self, X):
        with pytest.raises(ValueError, match="only one class: a"):
            classifier(unlabeled="").fit(X, np.array(["a", "a", ""] * 20))

    def test_a_column_is_warned_of(self, X, y):
        with pytest.warns(DataConversionWarning, match="column-vector"):
            model = classifier().fit(X, y[:, None])
        assert model.predict(X).shape == (60,)

    @parametrize("make", [classifier, regressor])
    def test_there_must_be_some_for_every_row(self, X, y, make):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            make().fit(X, y[:50])
        with pytest.raises(ValueError, match="requires y to be passed"):
            make().fit(X, None)


class TestRegressor:
    @parametrize("shape", [(60,), (60, 1), (60, 4)], ids=str)
    def test_predictions_have_the_shape_of_y(self, X, shape):
        target = np.resize(X.sum(axis=1), shape[::-1]).T
        model = regressor(hidden_layer_sizes=(6,)).fit(X, target)
        assert model.predict(X).shape == shape
        assert model.n_outputs_ == (1 if len(shape) == 1 else shape[1])

    def test_units_of_y_do_not_matter(self, X):
        y = X[:, :2] ** 2
        plain = regressor(max_iter=20).fit(X, y).predict(X)
        scaled = regressor(max_iter=20).fit(X, 1e6 * y + 1e7).predict(X)
        assert_allclose(scaled, 1e6 * plain + 1e7, rtol=1e-6)

    def test_rows_without_a_label(self, X):
        y = np.column_stack([X[:, 0], X[:, 1]])
        y[::2] = np.nan
        y[1, 0] = np.nan  # of one output of two: without a label, too
        model = regressor(unlabeled=np.nan, **JOINT).fit(X, y)
        assert np.isfinite(model.predict(X)).all()
        with pytest.raises(ValueError, match="Input y contains NaN"):
            regressor().fit(X, y)

    def test_one_row_with_a_label(self, X):
        y = np.full(60, np.nan)
        y[3] = 7.0
        model = regressor(fine_tune="head", unlabeled=np.nan).fit(X, y)
        assert_allclose(model.predict(X), 7.0)

    def test_fine_tuning_fits_better_than_the_head(self, X):
        y = np.sin(3 * X[:, 0]) * X[:, 1]
        frozen = FrozenEstimator(Autoencoder(2, **SEEDED).fit(X))
        scores = [
            regressor(frozen, max_iter=200, **how).fit(X, y).score(X, y)
            for how in (
                {"fine_tune": "head"},
                {"fine_tune": "head", "hidden_layer_sizes": (16,)},
                {"fine_tune": "all", "hidden_layer_sizes": (16,)},
            )
        ]
        assert scores[0] < scores[1] < scores[2]


class TestFineTuning:
    def test_gradual_unfreezes_from_the_top(self, X, y, monkeypatch):
        seen, train = [], FineTuning._train_stage

        def spy(self, names, n_epochs, *others):
            seen.append((set(names), n_epochs))
            return train(self, names, n_epochs, *others)

        monkeypatch.setattr(FineTuning, "_train_stage", spy)
        autoencoder = Autoencoder(2, **SEEDED | {"hidden_layer_sizes": (8, 4)})
        changes = {"fine_tune": "gradual", "alpha": 0.1, "max_iter": 11}
        model = classifier(autoencoder, **changes).fit(X, y)
        assert [epochs for _, epochs in seen] == [2, 3, 3, 3]
        assert model.n_iter_ == len(model.loss_curve_) == 11
        layers = [
            {name.rpartition(".")[0] for name in names if "encoder" in name}
            for names, _ in seen
        ]
        assert layers == [
            set(),
            {"encoder.2"},
            {"encoder.1", "encoder.2"},
            {"encoder.0", "encoder.1", "encoder.2"},
        ]
        decoders = [any(n.startswith("decoder") for n in names) for names, _ in seen]
        assert decoders == [False, False, False, True]

    def test_a_decoder_goes_with_its_encoder(self, X, y):
        frozen = FrozenEstimator(Autoencoder(2, **SEEDED).fit(X))
        apart = classifier(frozen, max_iter=30).fit(X, y)
        assert apart.autoencoder_._fitted is frozen.estimator._fitted
        joint = classifier(frozen, max_iter=30, alpha=1.0).fit(X, y)
        assert_array_equal(joint.autoencoder_.transform(X), joint.transform(X))
        lost = np.mean((joint.autoencoder_.reconstruct(X) - X) ** 2)
        assert_allclose(joint.autoencoder_.noise_variance_, lost, rtol=1e-10)
        stale = frozen.inverse_transform(apart.transform(X))
        assert lost < np.mean((stale - X) ** 2)

    def test_consistency_needs_noise(self, X, y):
        message = r"(?s)consistency=1.0 compares .* Autoencoder\(.* corrupts none"
        with pytest.raises(ValueError, match=message):
            classifier(Autoencoder(2, **SEEDED), consistency=1.0).fit(X, y)

    def test_divergence_is_told(self, X, y):
        with pytest.raises(FloatingPointError, match="lower learning_rate_init"):
            classifier(learning_rate_init=1e12, max_iter=50).fit(X, y)

    def test_verbose_prints(self, X, y, capsys):
        classifier(max_iter=2, verbose=True).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]

    @pytest.mark.fault(73)
    @parametrize("fine_tune", ["all", "gradual"])
    def test_an_interrupt_keeps_what_is_there(self, X, y, fine_tune, monkeypatch):
        calls, error = [], SupervisedObjective.error

        def interrupted(self, *args):
            calls.append(None)
            if len(calls) == 20:
                raise KeyboardInterrupt
            return error(self, *args)

        monkeypatch.setattr(SupervisedObjective, "error", interrupted)
        with pytest.warns(UserWarning, match="interrupted by user"):
            model = classifier(fine_tune=fine_tune, max_iter=60).fit(X, y)
        assert 1 <= model.n_iter_ < 60
        assert np.isfinite(model.predict_proba(X)).all()


class TestState:
    @parametrize("fail", ["one class", "diverges"])
    def test_a_failed_fit_leaves_the_one_before(self, X, y, fail):
        model = classifier().fit(X, y)
        bad = np.zeros(60) if fail == "one class" else y[::-1]
        if fail == "diverges":
            model.set_params(learning_rate_init=1e12, max_iter=50)
        before = dict(vars(model))
        with pytest.raises((ValueError, FloatingPointError)):
            model.fit(X, bad)
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is before[name] for name in before)

    @parametrize("make", [classifier, regressor])
    def test_same_seed_same_bits_and_no_global_generator(self, X, y, make):
        states = (
            random.getstate(),
            np.random.get_state()[1].copy(),  # noqa: NPY002
            torch.get_rng_state(),
        )
        first, second = (make(**JOINT).fit(X, y) for _ in range(2))
        other = make(random_state=1, **JOINT).fit(X, y)
        assert_array_equal(first.transform(X), second.transform(X))
        assert first.loss_curve_ == second.loss_curve_
        assert not np.array_equal(first.transform(X), other.transform(X))
        assert random.getstate() == states[0]
        assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), states[2])

    @parametrize("make", [classifier, regressor])
    def test_copies(self, X, y, make):
        model = make(hidden_layer_sizes=(4,), **JOINT).fit(X, y)
        for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert_array_equal(other.predict(X), model.predict(X))
            assert_array_equal(other.transform(X), model.transform(X))
        assert b"torch" not in pickle.dumps(
            (model._encoder.weights, model._head.weights)
        )
        again = clone(model).fit(X, y)
        assert_array_equal(again.predict(X), model.predict(X))

    @parametrize("dtype", [np.float32, np.float64])
    def test_dtype_of_x_is_that_of_what_comes_out(self, X, y, dtype):
        rows = X.astype(dtype)
        for model in (classifier(hidden_layer_sizes=(4,)), regressor()):
            model.fit(rows, y)
            assert model.transform(rows).dtype == dtype
        assert model.predict(rows).dtype == dtype
        assert classifier().fit(rows, y).predict_proba(rows).dtype == dtype

    def test_frames(self, X, y):
        frame = pd.DataFrame(X, columns=list("abcde"))
        model = classifier().fit(frame, pd.Series(y, index=frame.index[::-1]))
        assert_array_equal(model.feature_names_in_, list("abcde"))
        assert_array_equal(model.autoencoder_.feature_names_in_, list("abcde"))
        names = [f"autoencoderclassifier{i}" for i in range(2)]
        assert_array_equal(model.get_feature_names_out(), names)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            codes = model.set_output(transform="pandas").transform(frame)
        assert list(codes.columns) == names
        with pytest.raises(ValueError, match="feature names should match"):
            classifier(FrozenEstimator(model.autoencoder_)).fit(frame[list("edcba")], y)

    def test_searches(self, X, few):
        search = GridSearchCV(
            classifier(unlabeled=-1),
            {"autoencoder__n_components": [1, 3], "fine_tune": ["head", "all"]},
            cv=2,
            n_jobs=2,
            error_score="raise",
        ).fit(X, few)
        best = search.best_estimator_
        assert best.transform(X).shape[1] == best.autoencoder.n_components

    def test_scores_are_of_labelled_rows(self, X, few):
        known, weight = few != -1, np.linspace(0.1, 1.0, 60)
        labels = classifier(unlabeled=-1).fit(X, few)
        hits = (labels.predict(X) == few)[known]
        assert_allclose(labels.score(X, few), hits.mean())
        weighted = np.average(hits, weights=weight[known])
        assert_allclose(labels.score(X, few, sample_weight=weight), weighted)
        numbers = np.column_stack([np.where(known, few, np.nan), X[:, 0] ** 2])
        model = regressor(unlabeled=np.nan).fit(X, numbers)
        expected = r2_score(numbers[known], model.predict(X)[known])
        assert_allclose(model.score(X, numbers), expected)
        with pytest.raises(ValueError, match="All rows of y are unlabelled"):
            labels.score(X, np.full(60, -1))

    def test_an_exact_solution_has_no_epochs(self, X, y):
        model = classifier(LinearAutoencoder(2), fine_tune="head").fit(X, y)
        assert model.n_iter_ == 1
        assert model.loss_curve_ == []
