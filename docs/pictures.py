"""Draw the pictures of the documentation from benchmarks/results, when it is built."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from decision import decision
from matplotlib.ticker import NullFormatter

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"

STYLE = {"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "skae"}

MARKERS = "os^Dvx"


def load(name):
    """Return what a benchmark has written."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def against_pca():
    """Error over PCA's: a line for each table, a mark for each fit."""
    cases = load("never_worse_than_pca")["cases"]
    names = list(dict.fromkeys(case["data"] for case in cases))
    ratios = [[c["ratio"] for c in cases if c["data"] == name] for name in names]
    order = np.argsort([np.median(r) for r in ratios])[::-1]
    fig, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
    for size, marker in zip((2, 4, 8), MARKERS, strict=False):
        points = [
            (case["ratio"], row)
            for row, i in enumerate(order)
            for case in cases
            if case["data"] == names[i] and case["n_components"] == size
        ]
        x, y = zip(*points, strict=True)
        ax.plot(x, y, marker, markerfacecolor="none", color="black", label=f"{size}")
    ax.axvline(1.0, color="0.5", linewidth=0.8)
    ax.set_yticks(range(len(names)), [names[i] for i in order])
    ax.set(xlabel="held-out error over PCA's", xlim=(0, 1.1))
    ax.grid(axis="y", color="0.9")
    ax.legend(title="n_components", loc="lower left")
    return fig


def defaults():
    """What one change of the defaults does: median ratio, and share below PCA."""
    rows = load("defaults")["alternatives"]
    names = [row["changed"].replace("defaults", "nothing") for row in rows]
    fig, axes = plt.subplots(1, 3, figsize=(8, 3.8), sharey=True, layout="constrained")
    panels = {
        "median ratio": "median ratio of errors",
        "below PCA": "share below PCA",
        "median seconds": "median seconds",
    }
    for ax, (key, label) in zip(axes, panels.items(), strict=True):
        ax.plot([row[key] for row in rows], range(len(rows)), "o", color="black")
        ax.axvline(rows[0][key], color="0.6", linewidth=0.8)
        ax.grid(axis="y", color="0.9")
        ax.set(xlabel=label)
        ax.margins(x=0.15)
    axes[0].set_yticks(range(len(rows)), names)
    axes[0].invert_yaxis()
    return fig


def variants():
    """Time of an epoch of each variant over the plain one's."""
    rows = load("variant_speed")["epochs"]
    fig, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
    names = [row["variant"] for row in rows]
    ax.barh(names, [row["variant over plain"] for row in rows], color="0.7")
    ax.axvline(1.0, color="black", linewidth=0.8)
    ax.set(xlabel="time of an epoch over the plain autoencoder's")
    ax.invert_yaxis()
    return fig


def robustness():
    """Accuracy on noisy rows of a linear classifier on the code."""
    models = load("contractive")["models"]
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for ax, path in zip(axes, (False, True), strict=True):
        chosen = [model for model in models if model["path"] is path]
        for model, marker in zip(chosen, MARKERS, strict=False):
            levels = [key for key in model if key.startswith("accuracy")]
            noise = [float(key.rpartition(" ")[2]) for key in levels]
            accuracy = [model[key] for key in levels]
            ax.plot(noise, accuracy, f"{marker}-", markersize=5, label=model["model"])
        ax.set(title=f"linear_path={path}", xlabel="standard deviation of the noise")
    axes[0].set(ylabel="accuracy", ylim=(0, 1))
    axes[1].legend(loc="lower left")
    return fig


def sparsity():
    """Test error against active units, beside PCA with as many components."""
    models = load("sparse")["models"]
    fig, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    lasso = [m for m in models if m["model"].startswith("L1")]
    active = [m["active"] for m in models]
    ax.plot(
        [m["active"] for m in lasso], [m["test MSE"] for m in lasso], "o-", label="L1"
    )
    for model, marker in zip((m for m in models if m not in lasso), "s^", strict=False):
        ax.plot(model["active"], model["test MSE"], marker, label=model["model"])
    ax.plot(
        sorted(active),
        sorted((m["PCA's"] for m in models), reverse=True),
        "x--",
        color="0.4",
        label="PCA, as many components",
    )
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="active units of a row", ylabel="squared error on test images")
    plain_ticks(ax.xaxis, (5, 10, 20, 50, 100, 200))
    plain_ticks(ax.yaxis, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    ax.legend()
    return fig


def images():
    """Error of convolutional and dense networks after the same time, and PCA's."""
    content = load("convolutional")
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
    for ax, name in zip(axes, ("MNIST", "COIL-20"), strict=True):
        rows = content[name]
        ax.barh(
            [row["model"] for row in rows],
            [row["test MSE"] for row in rows],
            color=["0.4" if "conv" in row["model"] else "0.75" for row in rows],
        )
        ax.set(title=name, xlabel="squared error on test images")
    axes[0].invert_yaxis()
    return fig


def few_labels():
    """Test errors with few labels, from the best draw to the worst."""
    rows = load("semi_supervised")["models"]
    names = list(dict.fromkeys(row["model"] for row in rows))
    fig, ax = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
    for n, marker, shift in ((100, "o", -0.12), (1000, "s", 0.12)):
        chosen = [row for row in rows if row["labels"] == n]
        mean = np.array([row["test error"] for row in chosen])
        span = np.array([[row["least"], row["largest"]] for row in chosen]).T
        ax.errorbar(
            100 * mean,
            np.arange(len(names)) + shift,
            xerr=100 * np.abs(span - mean),
            fmt=marker,
            color="black",
            markerfacecolor="black" if n == 100 else "white",
            capsize=3,
            label=f"{n:,} labels",
        )
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="test error, per cent", xlim=(0, None))
    ax.invert_yaxis()
    ax.legend()
    return fig


def searches():
    """Seconds of the same search in several ways."""
    rows = load("search")["searches"]
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.2), sharey=True, layout="constrained")
    for ax, data in zip(axes, ("digits", "MNIST"), strict=True):
        chosen = [row for row in rows if row["data"] == data]
        ax.barh(
            [r["search"] for r in chosen], [r["seconds"] for r in chosen], color="0.7"
        )
        ax.set(title=data, xlabel="seconds")
    axes[0].invert_yaxis()
    return fig


def growth():
    """Time of a row and memory beyond X, by the number of rows."""
    rows = load("growth")["sizes"]
    n = [row["rows"] for row in rows]
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    axes[0].plot(n, [row["us a row"] for row in rows], "o-", color="black")
    axes[0].set(ylabel="microseconds for a row and epoch", ylim=(0, None))
    beyond = [row["MB beyond X, float32"] for row in rows]
    axes[1].plot(n, beyond, "o-", color="black", label="beyond X")
    in_memory = [row["X in float32 MB"] for row in rows]
    axes[1].plot(n, in_memory, "x--", color="0.4", label="X itself")
    axes[1].set(ylabel="MB", yscale="log")
    axes[1].legend()
    for ax in axes:
        ax.set(xlabel="rows", xscale="log")
    return fig


def plain_ticks(axis, values):
    """Numbers as people write them, at these places and no others."""
    axis.set_ticks(values)
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


PICTURES = (
    against_pca,
    defaults,
    variants,
    robustness,
    sparsity,
    images,
    few_labels,
    searches,
    growth,
    decision,
)


def draw(folder):
    """Write all pictures as SVG into `folder`, by the names of their functions."""
    folder.mkdir(parents=True, exist_ok=True)
    with plt.rc_context(STYLE):
        for picture in PICTURES:
            fig = picture()
            fig.savefig(folder / f"{picture.__name__}.svg", metadata={"Date": None})
            plt.close(fig)
