"""Searches whose fits have checkpoints."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skae.model_selection import AutoencoderSearchCV

FILE = "checkpoint.safetensors"


class TestSearches:
    GRID = {"learning_rate_init": [1e-3, 1e-2]}

    def searched(self, Search, ae, X, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return Search(ae, self.GRID, cv=3, **options).fit(X)

    @pytest.mark.parametrize("Search", [GridSearchCV, AutoencoderSearchCV])
    @pytest.mark.parametrize("after", [2, 12, 33])
    def test_go_on(self, Search, dense, X, tmp_path, after, killed_after):
        expected = self.searched(GridSearchCV, dense(), X)
        saved = dense(checkpoint_dir=str(tmp_path / "{fit}"))
        with killed_after(after):
            self.searched(Search, saved, X, error_score="raise")
        with killed_after(np.inf) as written:
            found = self.searched(Search, saved, X)
        assert len(written) == (2 * 3 + 1) * 5 - after  # and nothing is done twice
        score = "mean_test_score"
        assert_array_equal(found.cv_results_[score], expected.cv_results_[score])
        assert_array_equal(
            found.best_estimator_.transform(X), expected.best_estimator_.transform(X)
        )
        assert len(os.listdir(tmp_path)) == 2 * 3 + 1

    def test_in_processes_go_on(self, dense, X, tmp_path):
        saved = dense(checkpoint_dir=tmp_path / "{fit}")
        expected = self.searched(GridSearchCV, dense(), X)
        found = self.searched(GridSearchCV, saved, X, n_jobs=2)
        score = "mean_test_score"
        assert_array_equal(found.cv_results_[score], expected.cv_results_[score])
        files = {path.name for path in Path(tmp_path).rglob("*") if path.is_file()}
        assert files == {FILE}

    def test_of_one_folder_are_refused(self, dense, X, tmp_path):
        search = AutoencoderSearchCV(dense(checkpoint_dir=tmp_path), self.GRID)
        with pytest.raises(ValueError, match=r"search.*'\{fit\}'"):
            search.fit(X)

    def test_finished_fits_are_kept_and_taken(
        self, dense, X, tmp_path, killed_after, everything
    ):
        saved = dense(checkpoint_dir=tmp_path / "{fit}", random_state=None)
        first = everything(clone(saved).fit(X))
        with killed_after(1) as written:
            assert everything(clone(saved).fit(X)) == first
        assert not written
