"""scikit-learn's ScoringMonitor and ProgressBar, which watch predictors."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderClassifier, DenoisingAutoencoder
from skae.model_selection import AutoencoderSearchCV

N_PRETRAINING, N_TUNING = 3, 4
parametrize = pytest.mark.parametrize


@pytest.fixture
def callbacks():
    return pytest.importorskip(
        "sklearn.callback", reason="scikit-learn has callbacks from 1.9 on"
    )


@pytest.fixture
def y(X):
    """Labels that the rows tell: (60,), of three classes."""
    return np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.7]))


@pytest.fixture
def few(y):
    """The same, with twenty rows that have a label."""
    return np.where(np.arange(60) % 3 == 0, y, -1)


def denoising():
    return DenoisingAutoencoder(
        2,
        hidden_layer_sizes=(8,),
        noise=0.1,
        early_stopping=False,
        max_iter=N_PRETRAINING,
    )


def classifier(autoencoder=None, **changes):
    settings = {"max_iter": N_TUNING, "random_state": 0} | changes
    return AutoencoderClassifier(autoencoder or denoising(), **settings)


def accuracy(model, X, y):
    return model.score(X, y)


class TestScoringMonitor:
    @pytest.fixture
    def monitor(self, callbacks):
        return callbacks.ScoringMonitor(scoring={"accuracy": accuracy})

    def test_it_scores_by_the_rows_with_a_label(self, monitor, X, few):
        frame = pd.DataFrame(X, columns=list("abcde"))
        model = classifier(unlabeled=-1).set_callbacks(monitor).fit(frame, few)
        log = monitor.get_logs().data
        epochs = [row for row in log if row["task_name"] == "epoch"]
        assert [row["task_id_path"] for row in epochs] == [
            (0, 1, i) for i in range(N_TUNING)
        ]
        (end,) = [row for row in log if row["task_name"] == "fit"]
        assert end["accuracy"] == model.score(frame, few)
        assert {row["task_name"] for row in log} == {
            "fit",
            "pretraining",
            "fine-tuning",
            "epoch",
        }
        assert all(0.0 <= row["accuracy"] <= 1.0 for row in log)

    def test_scorers_by_name_get_what_they_need(self, callbacks, X, y):
        names = ["accuracy", "neg_log_loss"]
        monitor = callbacks.ScoringMonitor(scoring=names)
        classifier(learning_rate_init=1e-2).set_callbacks(monitor).fit(X, y)
        log = monitor.get_logs().data
        losses = [row["neg_log_loss"] for row in log if row["task_name"] == "epoch"]
        assert losses == sorted(losses)

    @parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
    @parametrize("in_pipeline", [False, True])
    def test_it_logs_every_fit_of_a_search(self, monitor, Search, in_pipeline, X, y):
        watched, name = classifier().set_callbacks(monitor), "autoencoder__noise"
        if in_pipeline:
            watched = Pipeline([("scale", StandardScaler()), ("head", watched)])
            name = f"head__{name}"
        search = Search(watched, {name: [0.1, 0.2]}, cv=2).fit(X, y)
        log = monitor.get_logs().data
        n_fits = 2 * 2 + 1
        assert Counter(row["task_name"] for row in log) == {
            "fit": n_fits,
            "pretraining": n_fits,
            "fine-tuning": n_fits,
            "epoch": n_fits * N_TUNING,
        }
        fits = [row["accuracy"] for row in log if row["task_name"] == "fit"]
        assert search.score(X, y) in fits

    @parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
    def test_that_of_the_autoencoder_logs_its_pretrainings(
        self, callbacks, Search, X, y
    ):
        scoring = {"explained": lambda estimator, X, y: estimator.score(X)}
        monitor = callbacks.ScoringMonitor(scoring=scoring)
        model = classifier(denoising().set_callbacks(monitor))
        Search(model, {"autoencoder__noise": [0.1, 0.2]}, cv=2).fit(X, y)
        log = monitor.get_logs()
        assert log.estimator_name == Search.__name__
        tasks = Counter(row["task_name"] for row in log.data)
        assert tasks == {"fit": 5, "epoch": 5 * N_PRETRAINING}


class TestProgressBar:
    """It draws on a terminal that is none: what it has drawn can be read."""

    @pytest.fixture
    def bar(self, callbacks):
        pytest.importorskip("rich", reason="ProgressBar needs rich")
        return callbacks.ProgressBar(max_propagation_depth=None)

    def drawn(self, capsys):
        """Lines in the end, without what a narrow terminal cuts off."""
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    def test_it_shows_both_parts(self, bar, X, y, capsys):
        classifier().set_callbacks(bar).fit(X, y)
        whole, pretraining, tuning = self.drawn(capsys)
        within = "pretraining | DenoisingAutoencoder - fit #0 "
        assert whole.startswith("AutoencoderClassifier - fit ")
        assert pretraining.startswith(f"  AutoencoderClassifier - {within}")
        assert tuning.startswith("  AutoencoderClassifier - fine-tuning #1 ")
        for line in (whole, pretraining, tuning):
            assert "100%" in line

    def test_without_depth_it_is_the_predictors_alone(
        self, callbacks, bar, X, y, capsys
    ):
        bar = callbacks.ProgressBar(max_propagation_depth=0)
        classifier().set_callbacks(bar).fit(X, y)
        assert "Denoising" not in "".join(self.drawn(capsys))

    def test_it_nests_under_a_pipeline(self, bar, X, y, capsys):
        steps = [("scale", StandardScaler()), ("head", classifier())]
        Pipeline(steps).set_callbacks(bar).fit(X, y)
        drawn = "\n".join(self.drawn(capsys))
        for name in ("AutoencoderClassifier - fit #1", "AutoencoderClassifier - fine"):
            assert name in drawn

    @parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
    def test_it_nests_under_a_search(self, Search, bar, X, y, capsys):
        search = Search(classifier(), {"autoencoder__noise": [0.1, 0.2]}, cv=2)
        search.set_callbacks(bar).fit(X, y)
        drawn = "\n".join(self.drawn(capsys))
        assert drawn.count("AutoencoderClassifier - fine-tuning") >= 5
        assert drawn.count("DenoisingAutoencoder - fit") >= 5

    def test_one_on_the_autoencoder_belongs_on_the_predictor(self, bar, X, y):
        model = classifier(denoising().set_callbacks(bar))
        with pytest.raises(TypeError, match="Register them directly on the meta-est"):
            model.fit(X, y)

    def test_nothing_of_it_is_left_on_the_parts(self, bar, X, y):
        model = classifier().set_callbacks(bar).fit(X, y)
        for autoencoder in (model.autoencoder, model.autoencoder_):
            strange = {"_skl_callbacks", "_parent_callback_ctx", "_callback_fit_ctx"}
            assert not strange & vars(autoencoder).keys()
