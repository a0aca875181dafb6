"""Who trains the candidates of a search, and what is said of it."""

import pytest
import torch
from joblib import parallel_config
from sklearn.decomposition import PCA

from skae import (
    Autoencoder,
    ContractiveAutoencoder,
    SparseAutoencoder,
)
from skae.estimators import JointCost
from skae.model_selection import AutoencoderSearchCV, _search

SETTINGS = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "precision": "float64",
    "random_state": 0,
}
GRID = {"learning_rate_init": [1e-3, 1e-2], "weight_decay": [0.0, 1e-1]}

COSTS = [JointCost(1.0, 1.0, 1)] * 2


class TestWhoTrains:
    """Small networks go together, large ones and those of autograd side by side."""

    @staticmethod
    def together(estimator, grid=None, shape=(1000, 20), **options):
        search = AutoencoderSearchCV(estimator, grid or GRID, **options)
        search._n_trained = shape[0]
        return search._go_together(search._costs(shape))

    def test_small_networks_go_together(self):
        assert self.together(Autoencoder(2))

    @pytest.mark.parametrize(
        "estimator",
        [
            Autoencoder(2, hidden_layer_sizes=(20_000,)),
            Autoencoder(2, precision="bfloat16"),
            PCA(),
        ],
        ids=repr,
    )
    def test_others_do_not(self, estimator):
        assert not self.together(estimator, {"n_components": [1, 2]})

    @pytest.mark.parametrize("device", ["cuda", "cuda:1", "auto"])
    def test_larger_ones_do_on_a_gpu(self, device, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        wide = Autoencoder(2, hidden_layer_sizes=(1000,), batch_size=200)
        assert not self.together(wide)
        assert self.together(wide.set_params(device=device))

    def test_no_processes_for_a_gpu(self, monkeypatch):
        monkeypatch.setattr(_search, "cpu_count", lambda: 2)
        search = AutoencoderSearchCV(Autoencoder(2), GRID, n_jobs=3)
        for device, wanted in {"cpu": True, "cuda": False}.items():
            costs = [JointCost(1.0, 1.0, 1), JointCost(1.0, 1.0, 1, device)]
            assert search._go_side_by_side(costs) is wanted
            assert search._n_processes(costs) == (3 if wanted else 1)

    @pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1"])
    def test_costs_know_the_device(self, device):
        search = AutoencoderSearchCV(Autoencoder(2, device=device), GRID)
        search._n_trained = 100
        kinds = {cost.device for cost in search._costs((100, 5))}
        assert kinds == {device.partition(":")[0]}

    def test_nor_where_a_joblib_context_has_workers_of_its_own(self, monkeypatch):
        monkeypatch.setattr(_search, "cpu_count", lambda: 2)
        search = AutoencoderSearchCV(Autoencoder(2), GRID)
        for backend in ("threading", "sequential"):
            with parallel_config(backend):
                assert not search._go_side_by_side(COSTS)

    def test_autograd_does_not(self):
        grid = {"n_components": [1, 2]}
        deep = ContractiveAutoencoder(hidden_layer_sizes=(8, 8))
        assert not self.together(deep, grid)

    def test_one_large_candidate_decides(self):
        assert not self.together(
            Autoencoder(2), {"hidden_layer_sizes": [(8,), (20_000,)]}
        )

    def test_constrained_weights_do(self):
        assert self.together(SparseAutoencoder(20), {"alpha": [1e-3, 1e-2]})

    def test_rounded_products_never_do(self):
        grid = {"precision": ["float32", "bfloat16", "auto"]}
        words = "^1 of 3 candidates cannot .*{'precision': 'bfloat16'} for one"
        with pytest.warns(UserWarning, match=words):
            assert not self.together(Autoencoder(2), grid, train_together=True)

    def test_who_wants_it_is_told_where_it_cannot_be(self, X):
        search = AutoencoderSearchCV(
            PCA(), {"n_components": [1, 2]}, train_together=True
        )
        with pytest.warns(UserWarning, match="^2 of 2 candidates") as caught:
            search.fit(X)
        assert caught[0].filename == __file__

    def test_verbose_tells_how_networks_train(self, X, monkeypatch, capsys):
        def said(**options):
            AutoencoderSearchCV(
                Autoencoder(**SETTINGS), GRID, cv=2, refit=False, **options
            ).fit(X)
            return capsys.readouterr().out.splitlines()

        monkeypatch.setattr(_search, "cpu_count", lambda: 2)
        total = "Fitting 2 folds for each of"
        assert said() == []
        first, second = said(verbose=1)
        assert first == "Networks of one shape train together, in this process"
        assert second.startswith(total)
        first, second = said(verbose=1, n_jobs=2)
        assert first == "Networks of one shape train together, in 2 processes"
        monkeypatch.setattr(_search, "_LARGEST_STEP", {})
        first, second = said(verbose=1)
        assert first == "Candidates are fitted 2 at a time"
        first, second = said(verbose=1, train_together=False, n_jobs=1)
        assert first == "Candidates are fitted 1 at a time"

    def test_a_single_candidate_has_no_company(self):
        assert not self.together(Autoencoder(2), {"n_components": [1]})

    @pytest.mark.parametrize("wanted", [True, False])
    def test_the_user_decides(self, wanted):
        large = Autoencoder(2, hidden_layer_sizes=(20_000,))
        assert self.together(large, train_together=wanted) is wanted
