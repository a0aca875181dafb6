"""`compare`: its table, and the rows it measures on."""

import importlib
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF, PCA, KernelPCA
from sklearn.exceptions import FitFailedWarning
from sklearn.impute import SimpleImputer
from sklearn.manifold import TSNE, Isomap
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skae import metrics
from skae.inspection import ComparisonDisplay, compare

IRIS, SPECIES = load_iris(return_X_y=True)
DIGITS, NUMERALS = (part[:160] for part in load_digits(return_X_y=True))

COLUMNS = [
    "method",
    "reconstruction_r2",
    "trustworthiness",
    "continuity",
    "fit_seconds",
    "transform_seconds",
    "n_fit_rows",
    "note",
]


class Fails(TransformerMixin, BaseEstimator):
    """Cannot be fitted."""

    def fit(self, X, y=None):
        raise ArithmeticError("no way\nat all")

    def transform(self, X):
        return X


class Warns(PCA):
    """Warns, twice, and goes on."""

    def __init__(self, category=UserWarning, message="so\nbe it. And more."):
        super().__init__(2)
        self.category = category
        self.message = message

    def fit(self, X, y=None):
        for _ in range(2):
            warnings.warn(self.message, self.category, stacklevel=2)
        return super().fit(X)


# The table


def test_the_usual_methods_by_default():
    display = ComparisonDisplay.from_estimators(None, DIGITS, y=NUMERALS)
    table = display.table
    assert list(table["method"]) == [
        "PCA",
        "KernelPCA",
        "Isomap",
        "LLE",
        "LinearAutoencoder",
        "Autoencoder",
    ]
    assert list(table.columns) == [
        *COLUMNS[:4],
        "neighborhood_hit",
        "knn_accuracy",
        *COLUMNS[4:],
    ]
    r2 = table.set_index("method")["reconstruction_r2"]
    assert r2[["Isomap", "LLE"]].isna().all()
    assert r2["LinearAutoencoder"] == pytest.approx(r2["PCA"], abs=1e-3)
    assert r2["Autoencoder"] > r2["PCA"]
    for name in ("LinearAutoencoder", "Autoencoder"):
        own = display.embeddings[name].estimator.score(display.held_out.X_test)
        assert r2[name] == pytest.approx(own, abs=1e-6)
    for column in (*COLUMNS[2:4], "neighborhood_hit", "knn_accuracy"):
        assert table[column].between(0.1, 1).all()
    assert (table[["fit_seconds", "transform_seconds"]] >= 0).all(axis=None)
    assert (table["n_fit_rows"] == 120).all()
    assert (table["note"] == "").all()


def test_every_entry_is_the_measure_of_the_held_out_rows():
    places = np.random.default_rng(0).normal(size=(len(IRIS), 2))
    display = ComparisonDisplay.from_estimators(
        [PCA(2)], IRIS, SPECIES, intrinsic_coordinates=places, n_neighbors=3
    )
    rows = display.held_out
    (Z,) = [embedding.Z for embedding in display.embeddings.values()]
    pca = PCA(2).fit(rows.X_train)
    assert_allclose(Z, pca.transform(rows.X_test))
    row = display.table.iloc[0]
    # The mean of the training rows is PCA's own.
    assert row["reconstruction_r2"] == pytest.approx(
        metrics.reconstruction_r2(pca, rows.X_test)
    )
    assert row["trustworthiness"] == pytest.approx(
        metrics.trustworthiness(rows.X_test, Z, n_neighbors=3)
    )
    assert row["continuity"] == pytest.approx(
        metrics.continuity(rows.X_test, Z, n_neighbors=3)
    )
    assert row["geodesic_correlation"] == pytest.approx(
        metrics.geodesic_correlation(
            pairwise_distances(rows.places), Z, metric="geodesic"
        )
    )
    assert row["neighborhood_hit"] == pytest.approx(
        metrics.neighborhood_hit(Z, rows.y_test, n_neighbors=3)
    )
    accuracy = cross_val_score(
        KNeighborsClassifier(3), Z, rows.y_test, cv=LeaveOneOut()
    ).mean()
    assert row["knn_accuracy"] == pytest.approx(accuracy)


def test_rows_keep_their_labels_and_places():
    row_number = np.arange(len(IRIS))
    display = ComparisonDisplay.from_estimators(
        [PCA(1)], IRIS, row_number, intrinsic_coordinates=row_number[:, None]
    )
    held_out = display.held_out
    assert_array_equal(held_out.X_test, IRIS[held_out.y_test])
    assert_array_equal(held_out.places.ravel(), held_out.y_test)
    everything = np.vstack([held_out.X_train, held_out.X_test])
    assert_allclose(np.sort(everything, axis=0), np.sort(IRIS, axis=0))


def test_the_same_seed_gives_the_same_table():
    timeless = COLUMNS[:4]
    options = {"n_components": 1, "max_rows": 30}
    once, again, other = (
        compare(DIGITS, random_state=seed, **options)[timeless] for seed in (3, 3, 4)
    )
    pd.testing.assert_frame_equal(once, again)
    assert not once.equals(other)


def test_methods_are_named_and_left_as_they_are():
    pca = PCA(1)
    table = compare(
        IRIS, [pca, NMF(1, max_iter=2000), PCA(2), make_pipeline(MinMaxScaler(), pca)]
    )
    assert list(table["method"]) == ["PCA 1", "NMF", "PCA 2", "MinMaxScaler + PCA"]
    assert not hasattr(pca, "components_")
    assert list(compare(IRIS, {"mine": pca})["method"]) == ["mine"]


@pytest.mark.parametrize("kind", ["list", "float32", "integers", "pandas", "polars"])
def test_kinds_of_input(kind):
    X = {
        "list": DIGITS.tolist(),
        "float32": DIGITS.astype(np.float32),
        "integers": DIGITS.astype(int),
        "pandas": pd.DataFrame(DIGITS).add_prefix("pixel ").astype("Int64"),
        "polars": pl.DataFrame(DIGITS),
    }[kind]
    y = pd.Series(NUMERALS, name="numeral").astype(str)
    expected = compare(DIGITS, [PCA(2)], NUMERALS)
    table = compare(X, [PCA(2)], y)
    measured = table.select_dtypes("float").columns.drop(
        ["fit_seconds", "transform_seconds"]
    )
    assert_allclose(table[measured], expected[measured], rtol=1e-3)


def test_preprocessing_comes_before_every_method_and_measure():
    frame = pd.DataFrame(IRIS, columns=list("abcd")) * [1e6, 1, 1, 1]
    scaler = StandardScaler()
    display = ComparisonDisplay.from_estimators([PCA(2)], frame, preprocessing=scaler)
    assert display.held_out.names == list("abcd")
    assert_allclose(display.held_out.X_train.std(axis=0), 1)
    assert not hasattr(scaler, "mean_")
    assert display.table["reconstruction_r2"][0] < 0.99
    assert compare(frame, [PCA(2)])["reconstruction_r2"][0] > 0.99
    fewer = FunctionTransformer(lambda X: np.asarray(X)[:, :3])
    display = ComparisonDisplay.from_estimators([PCA(2)], frame, preprocessing=fewer)
    assert display.held_out.names is None


def test_accuracy_is_for_labels_only():
    def measures_accuracy(y):
        return "knn_accuracy" in compare(IRIS, [PCA(1)], y)

    assert measures_accuracy(SPECIES)
    assert measures_accuracy(SPECIES.astype(float))
    assert measures_accuracy(SPECIES == 1)
    assert measures_accuracy(np.array(["a", "b", "c"])[SPECIES])
    assert not measures_accuracy(None)
    assert not measures_accuracy(IRIS[:, 0])
    assert not measures_accuracy(np.arange(len(IRIS)))


# Methods that are special


def test_methods_that_do_not_scale_get_a_subsample():
    methods = [
        KernelPCA(2),
        make_pipeline(StandardScaler(), Isomap(n_neighbors=20)),
        PCA(2),
    ]
    display = ComparisonDisplay.from_estimators(methods, IRIS, max_rows=30)
    assert len(display.held_out.X_test) == 30
    assert list(display.table["n_fit_rows"]) == [30, 30, 120]
    assert list(display.table["note"]) == ["fitted on 30 of the 120 rows"] * 2 + [""]
    fitted = display.embeddings["KernelPCA"].estimator
    assert_array_equal(fitted.X_fit_, display.held_out.X_train[:30])


def test_a_kernel_pca_without_inverse_has_no_r2():
    table = compare(IRIS, [KernelPCA(2), KernelPCA(2, fit_inverse_transform=True)])
    assert_array_equal(table["reconstruction_r2"].isna(), [True, False])


def test_a_method_that_cannot_transform_is_fitted_on_the_held_out_rows():
    method = TSNE(perplexity=5, max_iter=250, random_state=0)
    display = ComparisonDisplay.from_estimators([method, PCA(2)], IRIS)
    row = display.table.iloc[0]
    assert row["n_fit_rows"] == len(display.held_out.X_test) == 38
    assert np.isnan(row["transform_seconds"])
    assert np.isnan(row["reconstruction_r2"])
    assert row["trustworthiness"] > 0.7
    assert row["note"] == "no transform: fitted on the held-out rows themselves"


def test_a_method_that_fails_does_not_cost_the_others():
    with pytest.warns(FitFailedWarning, match="Fails failed: no way at all"):
        display = ComparisonDisplay.from_estimators([Fails(), PCA(2)], IRIS)
    assert list(display.embeddings) == ["PCA"]
    row = display.table.iloc[0]
    assert row["note"] == "failed: no way at all"
    assert row["n_fit_rows"] == 0
    assert row[["reconstruction_r2", "trustworthiness"]].isna().all()


def test_warnings_are_noted():
    clusters = np.vstack([DIGITS, DIGITS + 1000])
    table = compare(clusters, {"Isomap": Isomap(), "TSNE": Warns()})
    assert table["note"][0].startswith("warned: The number of connected components")
    assert table["note"][1] == "warned: so be it"
    with pytest.warns(FutureWarning, match="later"):
        compare(IRIS, [Warns(FutureWarning, "later")])


def test_all_methods_failing_is_an_error():
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(RuntimeError, match="Every method failed: Fails failed: no way"),
    ):
        compare(IRIS, [Fails()])


def test_kernel_pca_knows_no_unit():
    measured = ["reconstruction_r2", "trustworthiness"]

    def default_kernel_pca(X):
        table = compare(X, max_rows=40).set_index("method")
        return table.loc["KernelPCA", measured].astype(float)

    moved = default_kernel_pca(DIGITS / 1000 + 7)
    assert_allclose(default_kernel_pca(DIGITS), moved, rtol=1e-3)  # ties may turn


# What is refused


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (IRIS[:20], "5 of the 20 rows would be held out, .* takes 11 rows: pass more"),
        (np.ones((80, 3)), "All rows of X are the same"),
        (IRIS[:, 0], "Expected 2D array, got 1D"),
        (
            np.where(np.arange(4) == 2, np.nan, IRIS),
            r"X contains NaN in 112 of 112 rows, in the columns 2\. Drop these",
        ),
        (
            pd.DataFrame({"a": IRIS[:, 0], "b": np.inf}),
            "X contains infinity in 112 of 112 rows, in the columns b",
        ),
        (
            pd.DataFrame({"a": IRIS[:, 0], "b": "x", "c": pd.Timestamp("2026-01-01")}),
            r"columns that are not numeric: b, c\. Drop them, encode them .*"
            r", or pass one as y\.",
        ),
        (
            pl.DataFrame({"a": IRIS[:, 0], "b": "x"}),
            "columns that are not numeric: b",
        ),
        (
            pd.DataFrame(dict.fromkeys(range(30), ["x"] * 80)),
            "not numeric: 0, 1, 2, 3, 4, 5, 6, 7 and 22 more",
        ),
    ],
)
def test_bad_rows(X, message):
    with pytest.raises(ValueError, match=message):
        compare(X, [PCA(1)])


def test_missing_values_can_be_imputed():
    X = IRIS.copy()
    X[::7, 1] = np.nan
    table = compare(X, [PCA(2)], preprocessing=SimpleImputer())
    assert table["reconstruction_r2"][0] > 0.9


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (SPECIES[:-1], "inconsistent numbers of samples"),
        ([None, *SPECIES[1:]], "The target is missing in 1 rows"),
        (np.where(SPECIES == 1, np.nan, 0), "The target is missing in 50 rows"),
    ],
)
def test_bad_targets(y, message):
    with pytest.raises(ValueError, match=message):
        compare(IRIS, [PCA(1)], y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rows": 8}, "8 of the 150 rows would be held out"),
        ({"n_neighbors": 30}, "takes 61 rows"),
        ({"test_size": 1.0}, "test_size=1.0 leaves none of the 150 rows"),
        ({"test_size": 150}, "test_size=150 leaves none of the 150 rows"),
    ],
)
def test_bad_sizes(options, message):
    with pytest.raises(ValueError, match=message):
        compare(IRIS, [PCA(1)], **options)


LABELS = np.array(["warm", "cold"])


@pytest.mark.parametrize(
    ("estimators", "error", "message"),
    [
        (PCA(), TypeError, "put a single one in"),
        ([PCA], TypeError, "is not a transformer"),
        ({"k-NN": KNeighborsClassifier()}, TypeError, "k-NN is not a transformer"),
        ([], ValueError, "estimators is empty"),
        (LABELS, TypeError, "no estimator in it, but .*'warm'.*and y=labels"),
        (pd.Series(LABELS), TypeError, "but 'warm' .* and y=labels"),
        (DIGITS, TypeError, r"but array\(.*… and the like.* as X=rows"),
    ],
)
def test_bad_estimators(estimators, error, message):
    with pytest.raises(error, match=message):
        compare(IRIS, estimators)


@pytest.mark.parametrize("package", ["pandas", "matplotlib", "rich"])
def test_a_missing_package_is_named_with_its_extra(package, monkeypatch):
    def import_module(name):
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=package)
        return importlib.import_module(name)

    monkeypatch.setattr("skae._optional.import_module", import_module)
    message = rf'{package} is needed here: pip install "skae\[inspection\]"'
    with pytest.raises(ImportError, match=message):
        ComparisonDisplay.from_estimators([PCA(2)], IRIS, verbose=True)


def test_the_progress_bar_names_the_method(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes anything for a terminal
    compare(IRIS, {"the first": PCA(1), "the second": PCA(2)}, verbose=True)
    out, err = capsys.readouterr()
    assert not out
    assert "the first" in err
    assert "the second" in err


def test_nothing_is_printed_where_no_terminal_is(capsys):
    compare(IRIS, [PCA(1)], verbose=True)
    assert capsys.readouterr() == ("", "")
