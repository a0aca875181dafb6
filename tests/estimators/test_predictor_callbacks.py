"""scikit-learn's callbacks of predictors: pretraining, and fine-tuning by epochs."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    DenoisingAutoencoder,
    LinearAutoencoder,
)
from skae.estimators.finetuning import FineTuning

N_PRETRAINING, N_TUNING = 3, 4
SHORT = {
    "hidden_layer_sizes": (8,),
    "early_stopping": False,
    "max_iter": N_PRETRAINING,
    "precision": "float64",
}
parametrize = pytest.mark.parametrize


@pytest.fixture
def callbacks():
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


needs_callbacks = pytest.mark.usefixtures("callbacks")


@pytest.fixture
def y(X):
    """Labels that the rows tell: (60,), of three classes."""
    return np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))


def denoising():
    return DenoisingAutoencoder(2, noise=0.1, **SHORT)


def predictor(Predictor, autoencoder=None, **changes):
    settings = {"max_iter": N_TUNING, "random_state": 0} | changes
    return Predictor(autoencoder or denoising(), **settings)


def classifier(autoencoder=None, **changes):
    return predictor(AutoencoderClassifier, autoencoder, **changes)


def all_at_once(**changes):
    return classifier(**changes)


def gradual(**changes):
    return classifier(**{"fine_tune": "gradual"} | changes)


def joint(**changes):
    return classifier(alpha=0.5, consistency=0.5, **changes)


def linear(**changes):
    return classifier(LinearAutoencoder(2), **changes)


def regressor(**changes):
    changes = {"hidden_layer_sizes": (4,), "alpha": 0.5} | changes
    return predictor(AutoencoderRegressor, **changes)


MAKERS = [all_at_once, gradual, joint, linear, regressor]


class Watcher:
    """A callback that writes down what begins and ends, and asks for no more."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name))

    def count(self):
        return Counter(self.events)


class Recorder(Watcher):
    """A callback that keeps what it is given, and may ask to stop or fail."""

    def __init__(self, stop_at=None, fails=False):
        super().__init__()
        self.stop_at, self.fails = stop_at, fails
        self.fitted, self.data = [], []

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        super().on_fit_task_end(estimator, context)
        self.fitted.append((context.task_name, fitted_estimator))
        self.data.append((X, y))
        if self.stop_at != (context.task_name, context.task_id):
            return False
        if self.fails:
            raise RuntimeError("the callback has failed")
        return True

    def epochs(self):
        return [fitted for name, fitted in self.fitted if name == "epoch"]


class Interrupting(Watcher):
    """A callback in whose third epoch the user interrupts."""

    def on_fit_task_begin(self, estimator, context):
        super().on_fit_task_begin(estimator, context)
        if (context.task_name, context.task_id) == ("epoch", 2):
            raise KeyboardInterrupt


def once(*names):
    return {(event, name): 1 for event in ("begin", "end") for name in names}


@needs_callbacks
@parametrize("make", MAKERS)
class TestTasks:
    def test_each_begins_and_ends(self, make, X, y):
        watcher = Watcher()
        fitted = make().set_callbacks(watcher).fit(X, y)
        assert fitted.n_iter_ == N_TUNING
        assert watcher.count() == {
            ("setup", "fit"): 1,
            **once("fit", "pretraining", "fine-tuning"),
            ("begin", "epoch"): N_TUNING,
            ("end", "epoch"): N_TUNING,
            ("teardown", "fit"): 1,
        }
        tasks = [event for event in watcher.events if event[1] != "epoch"]
        assert tasks[2:6] == [
            (event, name)
            for name in ("pretraining", "fine-tuning")
            for event in ("begin", "end")
        ]

    def test_the_data_are_those_given(self, make, X, y):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X, y)
        for rows, target in recorder.data:
            assert rows is X
            assert target is y

    def test_estimators_are_as_if_fit_had_ended(self, make, X, y):
        recorder = Recorder()
        fitted = make().set_callbacks(recorder).fit(X, y)
        assert [name for name, _ in recorder.fitted] == [
            "pretraining",
            *["epoch"] * N_TUNING,
            "fine-tuning",
            "fit",
        ]
        for epoch, snapshot in enumerate(recorder.epochs(), start=1):
            assert snapshot.n_iter_ == len(snapshot.loss_curve_) == epoch
            assert snapshot.loss_curve_ == fitted.loss_curve_[:epoch]
            assert np.isfinite(snapshot.predict(X)).all()
            assert snapshot.score(X, y) <= 1.0
        for _, last in recorder.fitted[-2:]:
            assert_array_equal(last.predict(X), fitted.predict(X))
            assert last.n_iter_ == N_TUNING

    def test_the_first_is_the_head_on_the_pretrained_code(self, make, X, y):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X, y)
        start = recorder.fitted[0][1]
        before = make(fine_tune="head", hidden_layer_sizes=()).fit(X, y)
        np.testing.assert_allclose(start.predict(X), before.predict(X))
        assert_array_equal(start.transform(X), before.transform(X))

    def test_snapshots_keep_what_they_were(self, make, X, y):
        recorder = Recorder()
        make().set_callbacks(recorder).fit(X, y)
        first, *_, last = recorder.epochs()
        assert not np.allclose(first.transform(X), last.transform(X), rtol=1e-6)

    def test_they_change_nothing(self, make, X, y):
        plain, watched = make().fit(X, y), make().set_callbacks(Recorder()).fit(X, y)
        assert_array_equal(plain.predict(X), watched.predict(X))
        assert_array_equal(plain.transform(X), watched.transform(X))
        assert plain.loss_curve_ == watched.loss_curve_
        assert vars(watched).keys() - vars(plain).keys() == {"_skl_callbacks"}
        assert vars(plain.autoencoder_).keys() == vars(watched.autoencoder_).keys()

    def test_one_that_fails_leaves_the_old_fit(self, make, X, y):
        fitted = make().fit(X, y)
        before = fitted.predict(X)
        recorder = Recorder(stop_at=("epoch", 1), fails=True)
        with pytest.raises(RuntimeError, match="the callback has failed"):
            fitted.set_callbacks(recorder).fit(X[:30], y[:30])
        assert_array_equal(fitted.predict(X), before)
        assert recorder.events[-1] == ("teardown", "fit")
        assert not hasattr(fitted, "_callback_fit_ctx")

    @parametrize("n", [1, 2, 3])
    def test_a_truthy_hook_stops_fine_tuning(self, make, n, X, y):
        recorder = Recorder(stop_at=("epoch", n - 1))
        fitted = make().set_callbacks(recorder).fit(X, y)
        assert fitted.n_iter_ == len(fitted.loss_curve_) == len(recorder.epochs()) == n
        assert recorder.count()["end", "fit"] == 1

    def test_one_after_the_pretraining_leaves_it_at_that(self, make, X, y):
        recorder = Recorder(stop_at=("pretraining", 0))
        fitted = make().set_callbacks(recorder).fit(X, y)
        assert recorder.count()["begin", "fine-tuning"] == 0
        assert fitted.loss_curve_ == []
        assert_array_equal(fitted.predict(X), recorder.fitted[0][1].predict(X))

    def test_snapshots_are_made_for_nobody_but_those_who_ask(
        self, make, X, y, monkeypatch
    ):
        made, present = [], FineTuning.present

        def counted(tuning):
            made.append(tuning)
            return present(tuning)

        monkeypatch.setattr(FineTuning, "present", counted)
        make().set_callbacks(Watcher()).fit(X, y)
        assert len(made) == 1  # at the end
        make().set_callbacks(Recorder()).fit(X, y)
        assert len(made) == 1 + N_TUNING + 1


@needs_callbacks
class TestSnapshots:
    def test_know_the_decoder_that_is_trained_along(self, X, y):
        recorder = Recorder()
        fitted = joint().set_callbacks(recorder).fit(X, y)
        for snapshot in recorder.epochs():
            autoencoder = snapshot.autoencoder_
            assert_array_equal(autoencoder.transform(X), snapshot.transform(X))
            assert np.isfinite(autoencoder.noise_variance_)
        first = recorder.epochs()[0].autoencoder_
        assert not np.allclose(
            first.reconstruct(X), fitted.autoencoder_.reconstruct(X), rtol=1e-6
        )

    @parametrize("make", [all_at_once, joint, linear])
    def test_the_last_is_in_the_units_of_the_fit(self, make, X, y):
        recorder = Recorder()
        fitted = make().set_callbacks(recorder).fit(100.0 * X, y)
        assert_array_equal(
            recorder.epochs()[-1].predict_proba(100.0 * X),
            fitted.predict_proba(100.0 * X),
        )


@needs_callbacks
@parametrize(
    ("settings", "names"),
    [
        ({"fine_tune": "head"}, ["fit", "head"]),
        (
            {"fine_tune": "head", "hidden_layer_sizes": (4,)},
            ["fit", "head", "fine-tuning"],
        ),
        ({"fine_tune": "all"}, ["fit", "head", "fine-tuning"]),
    ],
    ids=str,
)
def test_a_frozen_autoencoder_is_not_pretrained(settings, names, X, y):
    watcher = Watcher()
    frozen = FrozenEstimator(denoising().fit(X))
    classifier(frozen, **settings).set_callbacks(watcher).fit(X, y)
    found = watcher.count()
    assert {name for _, name in found} - {"epoch"} == set(names)
    assert found["end", "epoch"] == N_TUNING * ("fine-tuning" in names)


@needs_callbacks
def test_an_interrupt_ends_the_tasks_that_hold_the_epoch(X, y):
    watcher = Interrupting()
    with pytest.warns(UserWarning, match="interrupted by user"):
        fitted = all_at_once().set_callbacks(watcher).fit(X, y)
    assert fitted.n_iter_ == 2
    assert watcher.count()["begin", "epoch"] == 3
    assert watcher.count()["end", "epoch"] == 2
    assert watcher.events[-3:] == [
        ("end", "fine-tuning"),
        ("end", "fit"),
        ("teardown", "fit"),
    ]


def test_verbose_counts_the_epochs_of_all_stages(X, y, capsys):
    gradual(verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    expected = [f"Iteration {i}" for i in range(1, N_TUNING + 1)]
    assert [line.split(",")[0] for line in lines] == expected


@needs_callbacks
def test_a_checkpoint_of_a_fit_that_was_stopped_is_removed(X, y, tmp_path):
    stopping = Recorder(stop_at=("pretraining", 0))
    model = all_at_once(checkpoint_dir=tmp_path / "{fit}")
    model.set_callbacks(stopping).fit(X, y)
    assert not list(tmp_path.rglob("*.safetensors"))
    longer = model.set_callbacks().fit(X, y)
    assert longer.n_iter_ == N_TUNING
