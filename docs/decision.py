"""The tree of questions that leads to a variant."""

from __future__ import annotations

import matplotlib.pyplot as plt

TREE = (
    "What is\none row?",
    {
        "a sequence": "AttentionAutoencoder",
        "an image\nof many pixels": (
            "Wanted?",
            {
                "codes, reconstructions": "ConvolutionalAutoencoder",
                "noise taken away": "... with noise=",
                "new images": "... with beta=1",
            },
        ),
        "numbers\nor counts": (
            "Wanted?",
            {
                "a baseline, PCA": "LinearAutoencoder",
                "a map, a small code,\nodd rows, gaps filled": "Autoencoder",
                "noise taken away": "DenoisingAutoencoder",
                "a code that small\nchanges leave alone": "DenoisingAutoencoder,\n"
                "ContractiveAutoencoder",
                "parts that rows\nare made of": "TopKAutoencoder,\nSparseAutoencoder",
                "a deep network\nwithout linear path": "StackedAutoencoder",
                "new rows, likelihoods,\nerror bars of codes": "VariationalAutoencoder",
                "a prediction\nfrom few labels": "AutoencoderClassifier,\n"
                "AutoencoderRegressor",
            },
        ),
    },
)

ACROSS = (0.45, 2.45, 4.72)
"""Where questions stand, and leaves begin, in inches."""

WIDTH = 6.75
"""In inches, as few as hold it: the page stretches the picture, letters and all."""

SIZE = 9.5
"""Of letters, in points."""


def decision():
    """Draw the tree from left to right."""
    n_leaves = _count(TREE)
    fig = plt.figure(figsize=(WIDTH, 0.46 * n_leaves))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(n_leaves - 0.4, -0.6))
    ax.axis("off")
    _draw(ax, TREE, 0, iter(range(n_leaves)))
    return fig


def _count(node):
    return 1 if isinstance(node, str) else sum(map(_count, node[1].values()))


def _draw(ax, node, depth, places):
    """Draw a node and all below it; return the height that it stands at."""
    if isinstance(node, str):
        y = next(places)
        box = {"boxstyle": "round,pad=0.3", "facecolor": "0.93", "edgecolor": "0.3"}
        text = {"ha": "left", "va": "center", "bbox": box, "family": "monospace"}
        ax.text(ACROSS[-1], y, node, fontsize=SIZE - 0.5, **text)
        return y
    question, answers = node
    heights = {
        answer: _draw(ax, child, depth + 1, places) for answer, child in answers.items()
    }
    y = sum(heights.values()) / len(heights)
    x = ACROSS[depth]
    for answer, height in heights.items():
        is_leaf = isinstance(answers[answer], str)
        end = ACROSS[-1] - 0.1 if is_leaf else ACROSS[depth + 1] - 0.35
        ax.plot((x + 0.4, x + 0.55, end), (y, height, height), color="0.5", zorder=0)
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        place = {"ha": "left", "va": "center", "bbox": white}
        ax.text(x + 0.58, height, answer, fontsize=SIZE, **place)
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "black"}
    ax.text(x, y, question, ha="center", va="center", fontsize=SIZE, bbox=box)
    return y
