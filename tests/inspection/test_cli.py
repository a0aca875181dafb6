"""``python -m skae``: what it reads, prints and writes, and what it refuses."""

import gzip
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA

import skae
from skae.inspection import _compare, _datasets
from skae.inspection._cli import main
from skae.inspection._datasets import load_dataset

IRIS = load_iris(as_frame=True).frame.rename(columns={"target": "species"})


class Collapses(PCA):
    """Has one code for all rows, and so fails."""

    def transform(self, X):
        raise ValueError("no code for you")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command, with quick methods, in an empty folder: (code, out, err)."""
    methods = {"PCA": PCA(2), "Collapses": Collapses(2)}
    monkeypatch.setattr(_compare, "default_methods", lambda *_, **__: methods)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main(["compare", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(run):
    """Run the command, which must refuse its input: the one line that says why."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert code == 2
        assert not out
        assert err.startswith("skae: error: ")
        assert err.count("\n") == 1
        return err

    return refused


def python(*arguments, folder):
    """Run Python in a process of its own that finds this skae."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(skae.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


# What it prints and writes


def test_the_digits_by_default(run, tmp_path):
    code, out, err = run("--max-rows", 100)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == (
        "digits: 64 features, 1,697 rows to fit on, 100 held out to measure on"
    )
    assert lines[1] == "Codes of 2 components, of features as they are."
    headings = " ".join(lines[3:5]).split()
    for heading in ("method", "R²", "worthiness", "continuity", "accuracy", "fit"):
        assert heading in headings
    name, r2, trustworthiness, *_ = lines[5].split()
    assert name == "PCA"
    assert 0.2 < float(r2) < 0.4
    assert 0.7 < float(trustworthiness) < 0.9
    assert lines[6].split() == ["Collapses", *"-" * 7]
    assert "Collapses: failed: no code for you." in lines
    assert lines[-1] == "Picture: compare.png"
    image = pyplot.imread(tmp_path / "compare.png")
    assert 0.5 < image[..., :3].mean() < 1
    assert not pyplot.get_fignums()


def test_a_report_that_says_how_to_get_it_again(run, tmp_path):
    path = tmp_path / "my iris.csv"
    IRIS.to_csv(path, index=False)
    arguments = ["--data", path.name, "--target", "species", "--html", "report.HTM"]
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.endswith("Report: report.HTM\n")
    page = (tmp_path / "report.HTM").read_text(encoding="utf-8")
    assert "<title>Comparison on my iris.csv</title>" in page
    command = re.search(r"<pre[^>]*><code>(.*?)</code>", page)[1]
    assert shlex.split(command) == ["python", "-m", "skae", "compare", *arguments]
    assert "<code>StandardScaler()</code>" in page
    assert "Collapses: failed: no code for you" in page


def test_the_command_is_that_of_the_process(run, tmp_path, monkeypatch):
    arguments = ["compare", "--max-rows", "50", "--html", "a.html"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["skae", *arguments])
    assert main() == 0
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"<code>python -m skae {' '.join(arguments)}</code>" in page


@pytest.mark.parametrize("name", ["swiss_roll", "s_curve"])
def test_manifolds_are_measured_along_themselves(name, run):
    code, out, _ = run("--data", name, "--max-rows", 50, "--output", "a.svg")
    assert code == 0
    assert "geodesic" in out
    assert "accuracy" not in out


def test_the_table_is_aligned_without_rich_too(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr("skae.inspection._cli.find_spec", lambda name: None)
    code, out, _ = run("--max-rows", 100)
    assert code == 0
    table = out.splitlines()[3:7]
    assert table[0].split()[:3] == ["trust-", "neighb.", "k-NN"]
    assert table[1].split()[0] == table[1][:6] == "method"
    assert len({len(line) for line in table}) == 1


def test_the_seed_decides(run):
    def r2(seed):
        return run("--seed", seed, "--max-rows", 100)[1].splitlines()[5].split()[1]

    assert r2(1) == r2(1) != r2(2)


def test_components_reach_the_methods(run, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        _compare,
        "default_methods",
        lambda X, **options: seen.update(options) or {"PCA": PCA()},
    )
    assert run("--components", 5, "--seed", 3, "--max-rows", 50)[0] == 0
    assert seen == {"n_components": 5, "random_state": 3}


def test_standardizing_is_for_tables(run, tmp_path):
    IRIS.to_csv(tmp_path / "iris.csv", index=False)
    np.savez(tmp_path / "iris.npz", X=IRIS.drop(columns="species"), y=IRIS["species"])

    def r2(*arguments):
        return run("--data", *arguments)[1].splitlines()[5].split()[1]

    csv = ["iris.csv", "--target", "species"]
    for arguments, said in (
        (csv, "prepared by StandardScaler"),
        ([*csv, "--no-standardize"], "as they are"),
    ):
        line = run("--data", *arguments)[1].splitlines()[1]
        assert line == f"Codes of 2 components, of features {said}."
    assert r2(*csv) == r2("iris.npz", "--standardize")
    assert r2(*csv, "--no-standardize") == r2("iris.npz")
    assert r2(*csv) != r2("iris.npz")


def test_the_real_thing_in_a_process_of_its_own(tmp_path):
    IRIS.to_csv(tmp_path / "iris.csv", index=False)
    command = "-W error -m skae compare --data iris.csv --target species"
    process = python(*command.split(), folder=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    for name in ("PCA", "KernelPCA", "Isomap", "LLE", "Autoencoder"):
        assert f"\n{name} " in process.stdout
    assert (tmp_path / "compare.png").stat().st_size > 10_000


# What it reads


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_tables(extension, tmp_path):
    path = tmp_path / f"iris.{extension}"
    table = IRIS.assign(species=IRIS["species"].map({0: "a", 1: "b", 2: "c"}))
    table.to_csv(path, index=False) if extension == "csv" else table.to_parquet(path)
    dataset = load_dataset(str(path), target="species")
    pd.testing.assert_frame_equal(dataset.X, IRIS.drop(columns="species"))
    assert list(dataset.y) == list(table["species"])
    with pytest.raises(ValueError, match="not numeric: species"):
        load_dataset(str(path))


def test_tables_without_a_target(tmp_path):
    IRIS.to_csv(tmp_path / "iris.CSV", index=False)
    dataset = load_dataset(str(tmp_path / "iris.CSV"))
    assert dataset.y is None
    assert dataset.X.shape == (150, 5)


def test_arrays(tmp_path):
    X, y = np.arange(60.0).reshape(5, 3, 4), np.arange(5)
    np.save(tmp_path / "a.npy", X.reshape(5, 12))
    np.savez(tmp_path / "b.npz", X=X, y=y, other=X)
    np.savez(tmp_path / "c.npz", whatever=X.reshape(5, 12))
    for name, target, image_shape in (
        ("a.npy", None, None),
        ("b.npz", [0, 1, 2, 3, 4], (3, 4)),
        ("c.npz", None, None),
    ):
        dataset = load_dataset(str(tmp_path / name))
        np.testing.assert_array_equal(dataset.X, X.reshape(5, 12))
        assert (None if dataset.y is None else list(dataset.y)) == target
        assert dataset.image_shape == image_shape


@pytest.mark.parametrize("name", ["swiss_roll", "s_curve"])
def test_places_on_a_manifold_have_its_distances(name):
    # Steps along the curve are short, and so as long as they are in space.
    dataset = load_dataset(name)
    order = np.argsort(dataset.y)
    curve = dataset.X[order][:, [0, 2]]
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    arc, height = dataset.intrinsic_coordinates[order].T
    np.testing.assert_allclose(np.diff(arc), steps, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(height, dataset.X[order][:, 1])


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


def test_mnist_from_the_folder_of_data(tmp_path, monkeypatch):
    images = np.arange(3 * 784).reshape(3, 28, 28) % 256
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist" / "train-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "mnist" / "train-labels-idx1-ubyte.gz", np.array([5, 0, 4]))
    monkeypatch.setenv("SKAE_DATA", str(tmp_path))
    dataset = load_dataset("mnist")
    np.testing.assert_allclose(dataset.X, images.reshape(3, 784) / 255, rtol=1e-6)
    assert dataset.X.dtype == np.float32
    assert list(dataset.y) == [5, 0, 4]
    assert dataset.image_shape == (28, 28)


def test_mnist_from_openml(monkeypatch):
    def fetch(name, *, return_X_y, as_frame):
        assert (name, return_X_y, as_frame) == ("mnist_784", True, False)
        return np.full((2, 784), 255), np.array(["5", "0"])

    monkeypatch.delenv("SKAE_DATA", raising=False)
    monkeypatch.setattr(_datasets, "fetch_openml", fetch)
    dataset = load_dataset("mnist")
    assert (dataset.X == 1).all()
    assert list(dataset.y) == ["5", "0"]


@pytest.mark.parametrize("has_folder", [True, False])
def test_no_mnist(has_folder, refused, tmp_path, monkeypatch):
    def fetch(*_, **__):
        raise OSError("no network")

    if has_folder:
        (tmp_path / "mnist").mkdir()
    monkeypatch.setenv("SKAE_DATA", str(tmp_path))
    monkeypatch.setattr(_datasets, "fetch_openml", fetch)
    err = refused("--data", "mnist")
    assert "MNIST is not here: set SKAE_DATA to a folder" in err
    assert ("no network" in err) != has_folder


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data nothing.csv", "There is no file nothing.csv"),
        ("--data iris.xls", "(digits, swiss_roll, s_curve, mnist) nor a file that can"),
        ("--data iris.xls", "be read (.csv, .npy, .npz, .parquet)"),
        ("--data digits --target x", "digits brings its own target"),
        ("--output nowhere/a.png", "There is no folder nowhere to write"),
        ("--output a.docx", "a.docx has no extension of a picture: "),
        ("--html a.pdf", "a.pdf has no extension of a report: .html, .htm"),
        ("--html nowhere/a.html", "There is no folder nowhere to write"),
        ("--max-rows 5", "5 of the 1797 rows would be held out"),
        (
            "--data iris.csv --target genus",
            "has no column 'genus': it has sepal length",
        ),
        ("--data iris.csv", "columns that are not numeric: name, when. Drop them"),
        ("--data iris.csv", "OrdinalEncoder), or name one with --target."),
        ("--data holes.csv", "X contains NaN in 3 of 150 rows, in the columns a, b."),
        ("--data few.csv", "2 of the 8 rows would be held out"),
        ("--data headless.csv", "has no header: its first line must name the columns"),
        ("--data semicolons.csv", "must separate its columns by commas, not semi"),
        ("--data empty.csv", "empty.csv cannot be read: No columns to parse"),
        ("--data broken.npy", "cannot be read: it is no file of numpy's"),
        ("--data broken.npz", "cannot be read: it is no file of numpy's"),
        ("--data broken.parquet", "broken.parquet cannot be read: "),
        ("--data flat.npy", "flat.npy holds an array of shape (7,), not rows"),
        ("--data two.npz", "two.npz holds the arrays a, b: one of them must be called"),
        ("--data rows.npy --target y", "--target names a column of a table"),
    ],
)
def test_bad_input(arguments, message, refused, tmp_path):
    IRIS.assign(name="x", when="2026-01-01").to_csv(tmp_path / "iris.csv", index=False)
    holes = pd.DataFrame(np.eye(150, 3), columns=list("abc"))
    holes.loc[[3, 4], "a"] = holes.loc[7, "b"] = np.nan
    holes.to_csv(tmp_path / "holes.csv", index=False)
    holes[20:28].to_csv(tmp_path / "few.csv", index=False)
    np.savetxt(tmp_path / "headless.csv", np.eye(30, 3) / 3, delimiter=",")
    holes.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    for name in ("empty.csv", "iris.xls"):
        (tmp_path / name).touch()
    for extension in ("npy", "npz", "parquet"):
        (tmp_path / f"broken.{extension}").write_text("not at all")
    np.save(tmp_path / "flat.npy", np.ones(7))
    np.save(tmp_path / "rows.npy", np.eye(30))
    np.savez(tmp_path / "two.npz", a=np.ones(7), b=np.ones(7))
    assert message in refused(*arguments.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND"),
        ("compare --components 0", "0 is not a positive whole number"),
        ("compare --max-rows many", "many is not a positive whole number"),
        ("compare --colour", "unrecognized arguments: --colour"),
    ],
)
def test_bad_usage(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    assert message in capsys.readouterr().err


# What needs no data


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"skae {skae.__version__}\n"


def test_help_is_light(tmp_path):
    code = (
        "import sys; from skae.__main__ import main\n"
        "try: main(['compare', '--help'])\n"
        "except SystemExit: print({'sklearn', 'torch', 'pandas', 'matplotlib'}"
        " & set(sys.modules))"
    )
    process = python("-c", code, folder=tmp_path)
    assert "--max-rows" in process.stdout
    assert process.stdout.endswith("set()\n")
