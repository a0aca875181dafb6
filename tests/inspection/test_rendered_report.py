"""The HTML report in a browser without a screen."""

import html
import json
import re
import subprocess

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.datasets import load_wine
from sklearn.decomposition import NMF, PCA
from sklearn.manifold import Isomap

from skae.inspection import ComparisonDisplay

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]

DARK = "--blink-settings=preferredColorScheme=0"

NASTY = """<script>document.title = "in"</script><img src=x onerror=alert(1)>"""

MEASURE = """<script>
addEventListener("load", () => {
  const images = [...document.images].map(image => ({
    isThere: image.complete && image.naturalWidth > 0,
    source: image.currentSrc,
    width: image.getBoundingClientRect().width,
    height: image.getBoundingClientRect().height,
  }));
  const style = getComputedStyle(document.body);
  const measured = {
    images,
    title: document.title,
    requests: performance.getEntriesByType("resource").map(entry => entry.name),
    overflow: document.documentElement.scrollWidth - innerWidth,
    ink: style.color,
    page: style.backgroundColor,
    texts: [...document.querySelectorAll("p, td, th, dd, dt, span, summary, a")].map(
      text => parseFloat(getComputedStyle(text).fontSize)
    ),
  };
  document.body.append(Object.assign(document.createElement("output"), {
    textContent: JSON.stringify(measured),
  }));
});
</script>"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report on a table with names that must not matter."""
    wine = load_wine(as_frame=True)
    y = wine.target.map({0: NASTY, 1: "b", 2: "c"}).rename(NASTY)
    X = wine.data.rename(columns={"ash": NASTY})
    methods = {
        "PCA": PCA(2),
        NASTY: NMF(2, max_iter=5000),
        "Isomap": Isomap(n_neighbors=30),
    }
    display = ComparisonDisplay.from_estimators(methods, X, y)
    path = tmp_path_factory.mktemp("report") / "report.html"
    display.to_html(path, name=NASTY)
    return path


@pytest.fixture
def render(browser, tmp_path):
    """Open a page: what the browser writes on standard output and error."""

    def render(path, *flags):
        run = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={tmp_path}", *flags, path.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert "CONSOLE" not in run.stderr, run.stderr
        return run.stdout

    return render


@pytest.fixture
def measure(render, report, tmp_path):
    """Measure the report in a frame of some width: a window is never that narrow."""

    def measure(width, *flags):
        # The page itself lets no script run: this copy does.
        source = re.sub(r'<meta http-equiv="[^>]*>', "", report.read_text("utf-8"))
        source = source.replace("<details>", "<details open>")
        frame = html.escape(source.replace("</body>", f"{MEASURE}</body>"))
        path = tmp_path / "frame.html"
        path.write_text(
            "<!DOCTYPE html><meta charset=utf-8>"
            f'<iframe style="width:{width}px" srcdoc="{frame}"></iframe><script>'
            "addEventListener('load', () => document.body.append("
            "frames[0].document.querySelector('output')))</script>",
            encoding="utf-8",
        )
        dom = render(path, "--dump-dom", *flags)
        found = re.search(r"<output>(.*?)</output>", dom, re.DOTALL)[1]
        return json.loads(html.unescape(found))

    return measure


def brightness(colour):
    """Mean of red, green and blue."""
    return np.mean([int(value) for value in re.findall(r"\d+", colour)])


def test_the_page_is_as_it_was_written(render, report):
    dom = render(report, "--dump-dom")
    assert dom.count("<img ") == 6
    assert "<script" not in dom
    assert "onerror=alert(1)&gt;</h1>" in dom


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_is_wider_than_the_page(measure, width):
    found = measure(width)
    assert found["overflow"] <= 0
    assert min(found["texts"]) >= 12  # pixels
    assert len(found["images"]) == 6
    for image in found["images"]:
        assert image["isThere"]
        assert image["width"] > 50
        assert image["height"] > 50
    assert found["title"] == f"Comparison on {NASTY}"


@pytest.fixture
def fetched(render, tmp_path):
    """Open a page: what is asked of the network, but for what the browser wants."""

    def fetched(path):
        log = tmp_path / "net.json"
        render(path, "--dump-dom", f"--log-net-log={log}")
        hosts = re.findall(r'"url":"(?:https?|wss?)://([^/"]*)', log.read_text("utf-8"))
        return {h for h in hosts if not h.endswith((".google.com", ".googleapis.com"))}

    return fetched


def test_nothing_is_fetched(measure, fetched, report, tmp_path):
    assert not [name for name in measure(800)["requests"] if name[:5] != "data:"]
    assert not fetched(report)
    other = tmp_path / "other.html"
    other.write_text('<link rel="stylesheet" href="http://127.0.0.1:9/style.css">')
    assert fetched(other) == {"127.0.0.1:9"}


def test_light_and_dark(measure):
    light, dark = measure(800), measure(800, DARK)
    assert brightness(light["ink"]) < 60 < 240 < brightness(light["page"])
    assert brightness(dark["page"]) < 40 < 220 < brightness(dark["ink"])
    pairs = [*zip(light["images"], dark["images"], strict=True)]
    for one, other in pairs:
        assert one["width"] == other["width"]
    # Those with words in them, the legend and two reconstructions, come in both inks.
    assert sum(one["source"] != other["source"] for one, other in pairs) == 3


@pytest.mark.parametrize(("flags", "is_dark"), [([], False), ([DARK], True)])
def test_the_screen(render, report, tmp_path, flags, is_dark):
    path = tmp_path / "screen.png"
    render(report, f"--screenshot={path}", "--window-size=1200,1600", *flags)
    screen = pyplot.imread(path)[..., :3]
    assert screen.shape == (1600, 1200, 3)
    if is_dark:
        screen = 1 - screen
    assert screen.mean() > 0.8
    assert screen.min() < 0.2  # ink
    assert np.ptp(screen, axis=2).max() > 0.4  # coloured points


def test_lines_of_a_table_run_through_the_column_that_stays(render, tmp_path):
    names = ["PCA", "KernelPCA", "Isomap", "LLE", "LinearAutoencoder", "Autoencoder"]
    rows = np.random.default_rng(0).random((60, 4))
    path = tmp_path / "report.html"
    methods = {name: PCA(2) for name in names}
    ComparisonDisplay.from_estimators(methods, rows).to_html(path)
    flags = ["--window-size=400,1000", "--force-device-scale-factor=1"]
    render(path, f"--screenshot={tmp_path / 'narrow.png'}", *flags)
    screen = pyplot.imread(tmp_path / "narrow.png")[..., :3]
    is_line = np.isclose(screen, np.array([0xD4, 0xD9, 0xDF]) / 255, atol=1e-3)
    shares = is_line.all(axis=2).mean(axis=1)
    lines = shares[shares > 0.2]  # with the edges of what holds the table
    assert len(lines) >= len(names) + 2
    assert (lines > 0.8).all()


def test_a_page_on_which_something_is_wrong_is_noticed(render, tmp_path):
    path = tmp_path / "wrong.html"
    path.write_text("<script>console.error('wrong')</script>")
    with pytest.raises(AssertionError, match="CONSOLE"):
        render(path, "--dump-dom")
