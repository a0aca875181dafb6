"""The HTML report: what it says, that it needs nothing, and that nothing gets in."""

import re
import warnings
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.manifold import Isomap
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

import skae
from skae import Autoencoder
from skae.inspection import ComparisonDisplay
from skae.inspection._html import repetition
from skae.inspection._html.elements import element

IRIS, SPECIES = load_iris(return_X_y=True)
DIGITS, NUMERALS = (part[:200] for part in load_digits(return_X_y=True))

VOID = {"img", "meta", "source"}


class Page(HTMLParser):
    """A page taken apart; it fails on elements that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += f"{data} "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def pixels(url):
    """The picture that a URL holds."""
    head, _, body = url.partition(",")
    assert head == "data:image/png;base64"
    return pyplot.imread(BytesIO(b64decode(body, validate=True)))


@pytest.fixture(scope="module")
def display():
    methods = {
        "PCA": PCA(2),
        "scaled NMF": make_pipeline(MinMaxScaler(), NMF(2, max_iter=2000)),
        "Isomap": Isomap(n_neighbors=20),
    }
    y = pd.Series(NUMERALS, name="numeral")
    return ComparisonDisplay.from_estimators(methods, DIGITS, y, test_size=60)


@pytest.fixture(scope="module")
def page(display):
    pyplot.close("all")  # what from_estimators has drawn
    page = Page(display.to_html(name="digits"))
    assert not pyplot.get_fignums()
    return page


def test_it_says_what_was_compared(page, display):
    assert "Comparison on digits" in page.text
    assert (
        "fitted on up to 140 rows of 64 features and measured on 60 rows" in page.text
    )
    assert "held out. Codes of 2 components, of features as they are." in page.text
    for row in display.table.to_dict("records"):
        assert row["method"] in page.text
        assert f"{row['trustworthiness']:.3f}" in page.text
        assert f"{row['neighborhood_hit']:.3f}" in page.text
    assert "Geodesic" not in page.text


@pytest.mark.parametrize(
    ("sizes", "said"),
    [([1], "1 component"), ([3, 1, 2], "1 to 3 components"), ([2, 2], "2 components")],
)
def test_it_says_how_large_codes_are_and_what_they_are_of(sizes, said):
    methods = {f"PCA number {i}": PCA(size) for i, size in enumerate(sizes)}
    display = ComparisonDisplay.from_estimators(
        methods, DIGITS, preprocessing=MinMaxScaler()
    )
    words = f"Codes of {said}, of features prepared by MinMaxScaler."
    assert words in Page(display.to_html()).text


def test_the_best_values_are_marked(display):
    html = display.to_html()
    for column in ("reconstruction_r2", "trustworthiness", "continuity"):
        best = f"{display.table[column].max():.3f}"
        assert f"<td><strong>{best}</strong></td>" in html
        assert f"<strong>{display.table[column].min():.3f}</strong>" not in html


def test_it_can_be_read_by_all(page):
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == 1
    assert page.all("main")
    assert {"name": "color-scheme", "content": "light dark"} in page.all("meta")
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert {heading["scope"] for heading in page.all("th")} == {"row", "col"}
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        assert attributes.get("href", "#results").removeprefix("#") in ids
        assert attributes.get("aria-labelledby", ids[0]) in ids


def test_it_needs_nothing_from_elsewhere(page, display):
    html = display.to_html()
    assert "://" not in html
    assert not re.search(r"url\(|@import", html)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    urls = [
        attributes[name]
        for _, attributes in page.elements
        for name in ("src", "srcset", "href")
        if name in attributes
    ]
    assert all(url.startswith(("data:image/png;base64,", "#")) for url in urls)
    (policy,) = [m for m in page.all("meta") if "http-equiv" in m]
    assert policy["content"].startswith("default-src 'none'; img-src data:")


def test_pictures_for_light_and_for_dark(page):
    # Three embeddings, the legend, and two methods that bring rows back.
    assert len(page.all("img")) == 6
    for image in page.all("img"):
        picture = pixels(image["src"])
        height, width = picture.shape[:2]
        assert height / width == pytest.approx(
            int(image["height"]) / int(image["width"]), rel=0.05
        )
        assert np.ptp(picture[..., 3]) > 0.5  # the page shows through
    # Those with words in them are drawn with a light pen too.
    assert len(page.all("source")) == 3
    for image, source in zip(page.all("img")[3:], page.all("source"), strict=True):
        assert source["media"] == "(prefers-color-scheme: dark)"
        light, dark = pixels(image["src"]), pixels(source["srcset"])
        assert light.shape == dark.shape
        assert (dark - light)[..., :3].max() > 0.7
        assert (dark - light)[..., :3].min() >= 0


def test_parameters_of_every_method_and_step(page):
    assert page.text.count("Parameter ") == 4
    for words in ("n_neighbors 20", "MinMaxScaler", "feature_range (0, 1)", "NMF"):
        assert words in page.text
    assert "max_iter 2000" in page.text


def test_what_is_set_is_bold(display):
    html = display.to_html()
    assert "<strong><code>20</code></strong>" in html
    assert "<td><code>(0, 1)</code></td>" in html


def test_versions_settings_and_the_rows(page, display):
    for words in (f"skae {skae.__version__}", f"numpy {np.__version__}", "Python 3."):
        assert words in page.text
    for words in ("test_size 60", "n_neighbors 5", "max_rows 2000", "random_state 0"):
        assert words in page.text
    digest = re.search(r"[0-9a-f]{64}", page.text)[0]
    again = ComparisonDisplay.from_estimators([PCA(1)], DIGITS, test_size=60)
    assert digest in again.to_html()
    other = ComparisonDisplay.from_estimators([PCA(1)], DIGITS + 1e-9, test_size=60)
    assert digest not in other.to_html()


def code_in(html):
    pre = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", html, re.DOTALL)[1]
    return pre.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")


@pytest.mark.parametrize(
    "methods",
    [
        None,
        {
            "it's": PCA(2),
            "deep": make_pipeline(
                StandardScaler(), Autoencoder(1, max_iter=2, random_state=3)
            ),
        },
    ],
)
def test_the_code_repeats_it(methods, tmp_path):
    options = {"preprocessing": MinMaxScaler((0, 2)), "max_rows": 30, "random_state": 5}
    y = pd.Series(SPECIES, name="species")
    display = ComparisonDisplay.from_estimators(methods, IRIS, y, **options)
    path = tmp_path / "a report.html"
    assert display.to_html(path) is None
    written = path.read_text(encoding="utf-8")
    path.unlink()
    names = {"X": IRIS, "y": y}
    exec(code_in(written), names)
    again = path.read_text(encoding="utf-8")
    table = display.table.drop(columns=["fit_seconds", "transform_seconds"])
    pd.testing.assert_frame_equal(names["display"].table[table.columns], table)
    assert code_in(again) == code_in(written)
    digests = [re.search(r"[0-9a-f]{64}", html)[0] for html in (written, again)]
    assert digests[0] == digests[1]


def test_a_report_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # as Windows calls it
    display = ComparisonDisplay.from_estimators([PCA(2)], IRIS)
    display.to_html("~/report.html")
    written = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "~/report.html" in code_in(written)  # and not whose home it is


def test_the_code_repeats_what_is_known_of_the_manifold(tmp_path):
    places = IRIS[:, :2] + 0.25
    display = ComparisonDisplay.from_estimators(
        [PCA(2)], IRIS, intrinsic_coordinates=places
    )
    path = tmp_path / "report.html"
    display.to_html(path)
    html = path.read_text(encoding="utf-8")
    said = " ".join(Page(html).text.split())
    assert "intrinsic_coordinates array of shape (150, 2)" in said
    names = {"X": IRIS, "intrinsic_coordinates": places}
    exec(code_in(html), names)
    again = names["display"].table["geodesic_correlation"]
    pd.testing.assert_series_equal(again, display.table["geodesic_correlation"])
    assert np.isfinite(again).all()


def test_a_command_takes_the_place_of_code(display):
    html = display.to_html(command="python -m skae compare --data 'a & b.csv'")
    assert code_in(html) == "python -m skae compare --data 'a & b.csv'"
    assert "On the command line:" in html


def test_without_a_seed_it_says_so():
    seed = np.random.RandomState(0)
    display = ComparisonDisplay.from_estimators([PCA(1)], IRIS, random_state=seed)
    html = display.to_html()
    assert "no run is like another" in html
    assert " at 0x" not in html


NASTY = """<script>alert(1)</script>"><img src=x onerror=alert(2)>&amp;$\\frac$'"""


class Nasty(TransformerMixin, BaseEstimator):
    """Fails, and says something nasty."""

    def __init__(self, parameter=NASTY):
        self.parameter = parameter

    def fit(self, X, y=None):
        raise ValueError(NASTY)

    def transform(self, X):
        return X


def test_nothing_gets_in():
    frame = pd.DataFrame(IRIS, columns=[NASTY, "cost in $", "$", "$x$"])
    y = pd.Series(np.array([NASTY, "$", "\\$b$"])[SPECIES], name=NASTY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        display = ComparisonDisplay.from_estimators(
            {NASTY: PCA(2), "other": Nasty()}, frame, y
        )
    page = Page(display.to_html(name=NASTY, command=NASTY))
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not [a for _, found in page.elements for a in found if a.startswith("on")]
    assert page.text.count(NASTY) >= 6
    assert any(NASTY in image["alt"] for image in page.all("img"))


def test_names_that_are_no_text(tmp_path):
    display = ComparisonDisplay.from_estimators({"a \x00": PCA(1)}, IRIS)
    display.to_html(tmp_path / "a.html", name="na\udce9f")
    assert "na&#56553;f" in (tmp_path / "a.html").read_text(encoding="utf-8")


MANY = np.arange(450) % 50  # fifty values


@pytest.mark.parametrize(
    ("y", "n_images", "words"),
    [
        (None, 2, "gives 113 rows."),
        (MANY % 3, 3, "Legend of the target: 0, 1, 2."),
        (MANY / 4, 3, "Legend of the target, from 0.0 to 12.25."),
    ],
)
def test_what_points_are_told_apart_by(y, n_images, words):
    X = np.tile(IRIS, (3, 1))
    display = ComparisonDisplay.from_estimators([PCA(2)], X, y)
    images = Page(display.to_html()).all("img")
    assert len(images) == n_images
    assert any(words in image["alt"] for image in images)


def test_more_classes_than_a_legend_has_room_for():
    X, y = np.tile(IRIS, (3, 1)), MANY.astype(str)
    with pytest.warns(UserWarning, match="and a legend has room for 40"):
        html = ComparisonDisplay.from_estimators([PCA(2)], X, y).to_html()
    images = Page(html).all("img")
    assert len(images) == 2
    told = "gives 113 rows, told apart by the target."
    assert any(told in image["alt"] for image in images)


def test_what_fails_and_what_has_no_inverse():
    with pytest.warns(FitFailedWarning):
        display = ComparisonDisplay.from_estimators(
            {"Isomap": Isomap(n_neighbors=60), "fails": Nasty("x")}, IRIS
        )
    page = Page(display.to_html())
    assert "fails: failed: " in page.text
    assert "Reconstructions" not in page.text
    assert "parameter 'x'" in page.text
    assert len(page.all("img")) == 1


def test_images_of_a_given_shape_and_methods_of_ones_own():
    own = FunctionTransformer(np.negative, np.negative, check_inverse=False)
    wide = np.tile(IRIS, 3)
    display = ComparisonDisplay.from_estimators({"own": own}, wide, image_shape=(3, 4))
    html = display.to_html(n_samples=3)
    assert "&lt;ufunc 'negative'&gt;" in html
    assert "image_shape=(3, 4)," in code_in(html)
    with pytest.raises(ValueError, match="does not fit rows of 12"):
        ComparisonDisplay.from_estimators({"own": own}, wide, image_shape=(5, 5))


def test_what_is_not_all_is_not_rounded_to_one():
    X = np.column_stack([IRIS[:, :2] * 1000, IRIS[:, 2:] % 1])
    display = ComparisonDisplay.from_estimators([PCA(2), PCA(4)], X)
    almost, all_of_it = display.table["reconstruction_r2"]
    assert 0.9995 < almost < all_of_it == 1
    text = Page(display.to_html()).text
    assert "<1.000" in text
    assert "R²\u00a0<1.000" in text
    assert "R²\u00a01.000" in text


def test_text_stands_where_it_was_put():
    made = element("p", "a", element("b", "c"), "d", None, "<e>", class_="x", id=None)
    assert ElementTree.tostring(made) == b'<p class="x">a<b>c</b>d&lt;e&gt;</p>'


def test_steps_that_do_nothing_and_labels_that_start_alike(monkeypatch):
    monkeypatch.setattr(repetition, "_PACKAGES", ("numpy", "no-such-package"))
    pipeline = Pipeline([("none", "passthrough"), ("pca", PCA(2))])
    labels = np.array(["a label that is rather long", "a label that is rather lost"])
    display = ComparisonDisplay.from_estimators(
        {"both": pipeline}, IRIS, labels[SPECIES // 2]
    )
    page = Page(display.to_html())
    assert page.text.count("Parameter ") == 1
    assert "passthrough" in page.text  # in the code
    assert "no-such-package" not in page.text
    assert any(
        f"{labels[0]}, {labels[1]}." in image["alt"] for image in page.all("img")
    )
