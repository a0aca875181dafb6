"""What an estimator looks like, and what it weighs: small, whatever it has learnt."""

import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import Autoencoder, AutoencoderClassifier, AutoencoderRegressor
from skae.estimators.links import published
from skae.model_selection import AutoencoderSearchCV

parametrize = pytest.mark.parametrize

ADDRESS = "https://docs.invalid/skae"


@pytest.fixture
def address(monkeypatch):
    monkeypatch.setenv("SKAE_DOCS", f"{ADDRESS}/")
    return ADDRESS


@pytest.fixture
def nowhere(monkeypatch):
    """No address is set, and the metadata of the package know none."""
    monkeypatch.delenv("SKAE_DOCS", raising=False)
    monkeypatch.setattr("skae.estimators.links.published", lambda: "")


def others(dense):
    """The estimators that are no autoencoders themselves."""
    return [
        AutoencoderClassifier(dense(), max_iter=2, random_state=0),
        AutoencoderRegressor(dense(), max_iter=2, random_state=0),
        AutoencoderSearchCV(dense(), {"weight_decay": [0.0, 0.1]}, cv=2),
    ]


def documented(model, html, but=()):
    """Assert that every parameter and fitted attribute has a link and a description."""
    names = {*model.get_params(deep=False), *model._get_fitted_attr_html()}
    assert "n_features_in_" in names
    for name in names - {*but}:
        assert f"position-anchor: --doc-link-{name};" in html, name
        # In the text that it looks for, "name,-type", no other "-" may be bare.
        link = re.escape(f'href="{model._get_doc_link()}#:~:text={name},-')
        assert re.search(f'{link}[^-"]+"', html), name


def table(X):
    return pd.DataFrame(X, columns=list("abcde"))


class TestHTML:
    def test_all_that_it_shows_is_documented(self, variants, variant, X, address):
        model = variants[variant]().fit(table(X))
        assert model._get_doc_link() == (
            f"{ADDRESS}/generated/skae.{type(model).__name__}.html"
        )
        documented(model, model._repr_html_())

    @parametrize("i", range(3))
    def test_so_it_is_of_the_others(self, dense, i, X, address):
        model = others(dense)[i].fit(table(X), X[:, 0] > X[:, 1])
        # A property of GridSearchCV's, which documents it itself.
        but = {"n_features_in_"} if isinstance(model, GridSearchCV) else ()
        documented(model, model._repr_html_(), but)

    def test_the_search_has_its_page_where_it_is_public(self, dense, address):
        name = "skae.model_selection.AutoencoderSearchCV"
        assert others(dense)[2]._get_doc_link() == f"{ADDRESS}/generated/{name}.html"

    def test_the_links_stand_in_pipelines_and_searches(self, dense, X, address):
        link = f'href="{ADDRESS}/generated/skae.Autoencoder.html"'
        pipeline = make_pipeline(StandardScaler(), dense())
        search = GridSearchCV(pipeline, {"autoencoder__weight_decay": [0.0]}, cv=2)
        for model in (pipeline, search):
            assert link in model._repr_html_()
            assert link in model.fit(X)._repr_html_()

    def test_without_an_address_there_are_none(self, dense, X, nowhere):
        for model in (dense().fit(X), *others(dense)):
            assert model._get_doc_link() == ""
        html = dense().fit(X)._repr_html_()
        assert "learning_rate_init" in html
        assert "href=" not in html

    def test_a_kind_that_somebody_wrote_is_not_in_these_documents(self, address):
        class MyAutoencoder(Autoencoder):
            """A variant of one's own."""

        assert MyAutoencoder()._get_doc_link() == ""

    def test_of_what_an_estimator_has_learnt_only_a_little_is_shown(
        self, variants, variant
    ):
        rng = np.random.default_rng(0)
        sizes = []
        for n, d in ((60, 10), (100, 100)):
            model = variants[variant]().fit(rng.uniform(size=(n, d)))
            sizes.append(len(model._repr_html_()))
            assert len(repr(model)) < 700
            assert str(model) == repr(model)
            assert "array" not in repr(model)
        assert sizes[1] < sizes[0] + 500


class TestAddress:
    def install(self, folder, urls):
        info = folder / "thing-1.0.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.4", "Name: thing", "Version: 1.0"]
        lines += [f"Project-URL: {url}" for url in urls]
        (info / "METADATA").write_text("\n".join(lines))

    @pytest.fixture(autouse=True)
    def forget(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        published.cache_clear()
        yield
        published.cache_clear()

    def test_it_is_what_the_metadata_say(self, tmp_path):
        urls = ["Source, https://a.invalid", "Documentation, https://b.invalid/c"]
        self.install(tmp_path, urls)
        assert published("thing") == "https://b.invalid/c"

    def test_other_addresses_are_not_it(self, tmp_path):
        self.install(tmp_path, ["Source, https://a.invalid"])
        assert published("thing") == ""

    def test_a_package_may_have_no_address(self, tmp_path):
        self.install(tmp_path, [])
        assert published("thing") == ""

    def test_a_package_need_not_be_installed(self):
        assert published("thing") == ""

    def test_estimators_lead_to_it(self, monkeypatch):
        monkeypatch.delenv("SKAE_DOCS", raising=False)
        monkeypatch.setattr("skae.estimators.links.published", lambda: ADDRESS)
        for name in set(skae.__all__) - {"AutoencoderTransformer"}:
            Estimator = getattr(skae, name)
            if isinstance(Estimator, type):
                expected = f"{ADDRESS}/generated/skae.{name}.html"
                assert Estimator()._get_doc_link() == expected


def weights_of(model):
    """Bytes of the weights that a fitted estimator encodes with."""
    fitted = model._encoder if hasattr(model, "_encoder") else model._fitted
    return sum(array.nbytes for array in fitted.weights.values())


class TestWeight:
    def test_nothing_of_the_rows_is_kept(self, variants, variant, make_data):
        sizes = [
            len(pickle.dumps(variants[variant]().fit(make_data(n)))) for n in (60, 600)
        ]
        # Numbers of rows and of steps take a byte more or less.
        assert abs(sizes[1] - sizes[0]) < 64

    @parametrize("name", ["dense", "denoising", "contractive", "variational"])
    def test_a_pickle_holds_the_weights_and_little_else(self, variants, name):
        X = np.random.default_rng(0).uniform(size=(300, 100))
        model = variants[name]().set_params(hidden_layer_sizes=(64,), max_iter=50)
        model.fit(X.astype(np.float32))
        assert len(model.loss_curve_) == 50
        assert len(pickle.dumps(model)) < 1.1 * weights_of(model)

    @parametrize("name", ["linear", "top-k", "sparse", "stacked"])
    def test_or_twice_of_them_where_attributes_show_them(self, variants, name):
        X = np.random.default_rng(0).uniform(size=(300, 400))
        model = variants[name]().set_params(n_components=20)
        if name == "stacked":
            model.set_params(hidden_layer_sizes=(64,))
        assert len(pickle.dumps(model.fit(X))) < 2.2 * weights_of(model)

    def test_parts_keep_what_the_optimiser_goes_on_from(self, dense, make_data):
        # Weights that steps are taken from, and two moments: no rows.
        model = dense(hidden_layer_sizes=(256,))
        sizes = []
        for n in (100, 1000):
            model.partial_fit(make_data(n))
            sizes.append(len(pickle.dumps(model)))
        assert abs(sizes[1] - sizes[0]) < 64
        assert sizes[1] < 4.2 * weights_of(model)
