"""The house: few floors, every arrow points down. Read from the sources, not run."""

import ast
import os
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import skae

ROOT = Path(skae.__file__).parent

TORCH_SIDE = {"data", "distributed", "networks", "objectives", "training"}

FLOORS = (
    {"__version__", "_atomic", "_blas", "_optional"},
    {"metrics", "persistence", *TORCH_SIDE},
    {"estimators"},
    {"inspection", "model_selection"},
    {"__main__", "skae"},
)
"""From the ground up: a part imports from the floors below it and from its own."""

FLOOR_OF = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}


@dataclass(frozen=True)
class Import:
    """One imported module or name, and where the import stands."""

    path: Path
    line: int
    target: str

    def __str__(self):
        return f"{self.path.relative_to(ROOT.parent)}:{self.line} imports {self.target}"

    @property
    def importer(self):
        """Dotted name of the module that imports."""
        return module_name(self.path)

    @property
    def crosses(self):
        """Whether it leads from one part of the house into another."""
        return part_of(self.importer) != part_of(self.target)


def part_of(name):
    """The part of the house that a dotted name belongs to: `networks`, `metrics`."""
    return [*name.split("."), "skae"][1]


def module_name(path):
    steps = ("skae", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(steps[:-1] if steps[-1] == "__init__" else steps)


def module_of(name):
    """The module that a dotted name is, or is in."""
    place = ROOT.joinpath(*name.split(".")[1:])
    is_module = place.is_dir() or place.with_suffix(".py").is_file()
    return name if is_module else module_of(name.rpartition(".")[0])


def imports_of(path):
    """All imports of a file, those inside of functions and conditions too."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            targets = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(path, node.lineno, at_home(target)) for target in targets)


def at_home(name):
    """A public name where it lives: `skae.Autoencoder` in `skae.estimators`."""
    public = name.removeprefix("skae.")
    return f"{skae._HOMES[public]}.{public}" if public in skae._HOMES else name


SOURCES = sorted(ROOT.rglob("*.py"))
FACADE = ROOT / "__init__.py"  # it only tells where names live
IMPORTS = [found for path in SOURCES if path != FACADE for found in imports_of(path)]
INNER = [found for found in IMPORTS if found.target.split(".")[0] == "skae"]


def complaints(culprits):
    return "\n".join(map(str, culprits))


def test_every_part_has_its_floor():
    assert {part_of(module_name(path)) for path in SOURCES} <= set(FLOOR_OF)


def test_every_arrow_points_down():
    culprits = [
        found
        for found in INNER
        if FLOOR_OF[part_of(found.target)] > FLOOR_OF[part_of(found.importer)]
    ]
    assert not culprits, complaints(culprits)


@pytest.mark.parametrize("node", [part_of, module_of], ids=["parts", "modules"])
def test_no_circles(node):
    graph = defaultdict(set)
    for found in INNER:
        if node(found.importer) != node(found.target):
            graph[node(found.importer)].add(node(found.target))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_torch_side_and_estimators_are_entered_by_their_front_doors():
    # `from skae.networks import X`, and never `from skae.networks.dense import X`.
    culprits = [
        found
        for found in INNER
        if found.crosses
        and part_of(found.target) in TORCH_SIDE | {"estimators"}
        and (
            module_of(found.target) != f"skae.{part_of(found.target)}"
            or found.target.rpartition(".")[2].startswith("_")
        )
    ]
    assert not culprits, complaints(culprits)


def test_torch_side_knows_no_scikit_learn():
    culprits = [
        found
        for found in IMPORTS
        if part_of(found.importer) in TORCH_SIDE
        and found.target.split(".")[0] == "sklearn"
    ]
    assert not culprits, complaints(culprits)


def test_one_file_touches_the_experimental_callbacks():
    files = {
        found.path for found in IMPORTS if found.target.startswith("sklearn.callback")
    }
    assert len(files) == 1, files


def test_no_file_is_two_files():
    lengths = {path.name: len(path.read_text().splitlines()) for path in SOURCES}
    assert not {name: n for name, n in lengths.items() if n > 400}


def test_import_skae_leaves_the_heavy_packages_out():
    code = (
        "import sys, skae; dir(skae); skae.__version__; "
        "print({'numpy', 'scipy', 'sklearn', 'torch'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("first", "before", "after"),
    [
        ("os", {}, "2000"),
        ("torch", {}, "None"),
        ("os", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("os", {"OMP_WAIT_POLICY": "PASSIVE"}, "None"),
    ],
    ids=["nothing", "too late", "how long", "how"],
)
def test_how_threads_wait_is_set_unless_the_user_says_so(first, before, after):
    code = f"import {first}; import os, skae; print(os.environ.get('GOMP_SPINCOUNT'))"
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=kept | before,
    )
    assert run.stdout.strip() == after


def test_every_public_name_can_be_had():
    for name in skae.__all__:
        assert getattr(skae, name) is not None
    assert set(skae.__all__) < set(dir(skae))


def test_editors_are_told_of_every_public_name():
    # The imports that only type checkers follow, and the mapping that runs.
    told = {found.target.rpartition(".")[2] for found in imports_of(FACADE)}
    assert set(skae.__all__) <= told


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'TSNE'"):
        skae.TSNE  # noqa: B018
