"""Rows that are no images: features along the x axis, values as lines or bars."""

from math import ceil

import numpy as np

from skae._optional import import_optional
from skae.inspection._figure import cut, inches_each, name_axis, name_ticks

_MOST_NAMES = 40  # that stay legible side by side
_LEAST_GAP = 0.14  # inches between names that stand upright, in small letters
_MOST_BARS = 32  # beyond, a line
_BAR = 0.06  # inches that a bar and its gap need, else a line


def label_features(ax, names, n_features, places=None, sizes=None):
    """Write the names of features along the x axis, or their indices.

    Of more than forty, those that stand out most have their names, as many as there is
    room for, or some at even distances; the axis says which.

    Parameters
    ----------
    ax : Axes
        Features are at 0, 1, 2 and so on.

    names : list of str or None
        The names.

    n_features : int
        How many there are.

    places : ndarray of shape (n_features,), default=None
        Where features are instead.

    sizes : ndarray of shape (n_features,), default=None
        How much they stand out; None: all alike.
    """
    places = np.arange(n_features) if places is None else places
    if names is not None:
        if n_features <= _MOST_NAMES:
            name_ticks(ax, places, names)
        else:
            _name_some(ax, places, names, sizes)
        return
    step = max(1, n_features // 8)
    ax.set_xticks(places[::step], range(n_features)[::step])
    ax.set_xlabel("feature")


def _name_some(ax, places, names, sizes):
    """Write names upright, at features that are far enough apart."""
    n_features = len(names)
    gap = ceil(_LEAST_GAP / inches_each(ax, n_features))
    if sizes is None:
        chosen = np.arange(0, n_features, max(gap, ceil(n_features / _MOST_NAMES)))
    else:
        chosen, is_free = [], np.ones(n_features, dtype=bool)
        for i in np.argsort(-sizes, kind="stable"):
            if is_free[i] and len(chosen) < _MOST_NAMES:
                chosen.append(i)
                is_free[max(0, i - gap + 1) : i + gap] = False
    chosen = np.sort(chosen)
    texts = [cut(names[i], 23) for i in chosen]
    ax.set_xticks(places[chosen], texts, rotation=90, fontsize="small")
    which = "" if sizes is None else " that stand out most"
    name_axis(ax.xaxis, f"names of {len(chosen)} of {n_features} features{which}")


def draw_lines(ax, rows, colours, *, names=None, **options):
    """Draw each row as a line over its features; markers where these are few.

    Features with names have nothing between them: points, and no lines.

    Returns
    -------
    list of Line2D
        One for each row.
    """
    marker = "." if names is not None or rows.shape[1] <= _MOST_NAMES else None
    line = "-" if names is None else ""
    style = {"marker": marker, "linestyle": line, "linewidth": 1.2, **options}
    return [
        ax.plot(row, color=colour, **style)[0]
        for row, colour in zip(rows, colours, strict=True)
    ]


def draw_cells(ax, rows, x, y, size, inches, *, names=None, **options):
    """Draw each row in a cell of its own: bars from the middle, or a line.

    A line where there are too many for bars, unless the features have names.

    Parameters
    ----------
    ax : Axes
        Where to draw.

    rows : ndarray of shape (n_rows, n_features)
        Values between -1 and 1.

    x, y : ndarray of shape (n_rows,)
        The middles of the cells.

    size : tuple of float
        Width and height of a cell.

    inches : float
        Width of a cell on paper, about.

    names : list of str, default=None
        Names of the features.

    **options : dict
        Of `matplotlib.collections.LineCollection`.

    Returns
    -------
    LineCollection
        The bars or lines.
    """
    collections = import_optional("matplotlib.collections", extra="inspection")
    n_features = rows.shape[1]
    across = x[:, None] + size[0] * feature_places(n_features)
    up = y[:, None] + 0.45 * size[1] * rows
    middle = np.broadcast_to(y[:, None], up.shape)
    baselines = np.stack([across[:, [0, -1]], middle[:, [0, -1]]], axis=2)
    ax.add_collection(
        collections.LineCollection(baselines, colors="0.7", linewidths=0.6)
    )
    crowded = n_features > _MOST_BARS or inches < _BAR * n_features
    if crowded and names is None:
        segments, width = np.stack([across, up], axis=2), 1.0
    else:
        bars = np.stack([across, middle, across, up], axis=2)
        segments = bars.reshape(-1, 2, 2)
        width = float(np.clip(72 * inches / n_features / 2, 0.8, 10))
    style = {"colors": "C0", "linewidths": width, **options}
    return ax.add_collection(collections.LineCollection(segments, **style))


def feature_places(n_features):
    """Where features are in a cell of width 1 around 0: (n_features,)."""
    if n_features == 1:
        return np.zeros(1)
    return np.linspace(-0.42, 0.42, n_features)
