"""The looks of points: one, one for each class, or a scale; each explains itself.

Classes differ in the shape of their points as well as in colour, and scales in
lightness: both survive a printer without colours.
"""

import re
from dataclasses import dataclass
from itertools import product
from math import ceil

import numpy as np

from skae._optional import import_optional

_MOST_NUMBERS = 20  # more whole numbers than these are a scale
_MOST_CLASSES = 40  # of which a legend is of use
_LINE = 0.21  # inches of height that a line of a legend takes
_SHAPES = (
    *product("os^DvPX<>", [True]),
    *product("|_", [False]),
    *product("os^Dv<>", [False]),
    ("x", False),
)
"""Markers, and whether they are filled: all differ at the size of a point, in grey."""
_STROKES = "|_x"  # without an inside
_SHADES = (1.0, 0.55)
"""Lightness of the ten colours, in turn: with the nineteen shapes 380 looks differ."""


def colours_of(y):
    """Choose the looks of points.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Labels, or numbers; the name of a Series is written at the legend.

    Returns
    -------
    OneColour, ClassColours or ScaleColours
        With `scatter(ax, *coordinates, **options)`, `explain(fig, points)` for all axes
        of a figure and `explain_on(ax, points)` for one.
    """
    if y is None:
        return OneColour()
    name = getattr(y, "name", None)
    name = None if name is None else str(name)
    values, codes = _classes(np.asarray(y))
    is_number = values.dtype.kind in "iuf"
    if len(values) <= _MOST_NUMBERS and not (is_number and np.any(values % 1)):
        return ClassColours(values, codes, name)
    if is_number:
        return ScaleColours(np.asarray(y), name)
    if len(values) <= _MOST_CLASSES:
        return ClassColours(values, codes, name)
    return ScaleColours(codes, name, has_bar=False)  # too many classes to name


def _classes(y):
    """Return the values that there are, and the index of each entry's value."""
    if y.dtype.kind == "O" and not all(isinstance(value, str) for value in y):
        try:
            y = y.astype(float)
        except (TypeError, ValueError):
            y = y.astype(str)  # what is missing is a class of its own
    values, codes = np.unique(y, return_inverse=True)
    if values.dtype.kind not in "OU":
        return values, codes
    order = sorted(range(len(values)), key=lambda i: _with_numbers(values[i]))
    return values[order], np.argsort(order)[codes]


def _with_numbers(text):
    """Split a text so that c2 sorts before c10."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _scatter(ax, coordinates, style, options):
    """Draw points, without edges unless their shape is of strokes or the caller's."""
    style = {"linewidths": 0, **style} if "marker" not in options else style
    return ax.scatter(*coordinates, **{**style, **options})


@dataclass(frozen=True)
class OneColour:
    """All points alike."""

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of one artist."""
        return [_scatter(ax, coordinates, {"color": "C0"}, options)]

    def explain(self, fig, points):
        """Add nothing."""

    def explain_on(self, ax, points):
        """Add nothing."""


@dataclass(frozen=True)
class ClassColours:
    """A colour and a shape for each class, and a legend."""

    values: np.ndarray
    codes: np.ndarray
    name: str | None

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of an artist for each class."""
        return [
            _scatter(
                ax,
                [axis[self.codes == i] for axis in coordinates],
                {"label": str(value), "color": _colour(i), **_shape(i, options)},
                options,
            )
            for i, value in enumerate(self.values)
        ]

    def explain(self, fig, points):
        """Add a legend on the right of a figure."""
        self._legend(fig, points, loc="outside right center")

    def explain_on(self, ax, points):
        """Add a legend beside the axes, if the layout makes room for it; or within."""
        makes_room = ax.figure.get_layout_engine() is not None
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
        self._legend(ax, points, **(place if makes_room else {"loc": "best"}))

    def _legend(self, parent, points, **place):
        lines = import_optional("matplotlib.lines", extra="inspection")
        handles = [
            lines.Line2D(
                [],
                [],
                linestyle="",
                marker=_SHAPES[i % len(_SHAPES)][0],
                fillstyle="full" if _SHAPES[i % len(_SHAPES)][1] else "none",
                color=_first_colour(of_class),
                alpha=1,
                label=of_class.get_label(),
            )
            for i, of_class in enumerate(points)
        ]
        inches = parent.bbox.height / parent.figure.dpi
        n_columns = ceil(len(handles) / max(1, inches / _LINE))
        parent.legend(
            handles=handles,
            title=self.name,
            frameon=False,
            ncols=n_columns,
            fontsize="small" if n_columns > 1 else None,
            **place,
        )


def _colour(i):
    """Return the colour of class i: a darker round of ten after the first."""
    colors = import_optional("matplotlib.colors", extra="inspection")
    shade = _SHADES[i // 10 % len(_SHADES)]
    return tuple(shade * part for part in colors.to_rgb(f"C{i % 10}"))


def _shape(i, options):
    """Return how the points of class i are shaped, unless the caller says it."""
    if "marker" in options:
        return {}
    marker, is_filled = _SHAPES[i % len(_SHAPES)]
    if is_filled:
        return {"marker": marker}
    outline = {} if marker in _STROKES else {"facecolors": "none"}
    return {"marker": marker, "linewidths": 1.0, **outline}


def _first_colour(points):
    """Return the colour of points, of their edges where they are not filled."""
    return np.vstack([points.get_facecolor(), points.get_edgecolor()])[0]


@dataclass(frozen=True)
class ScaleColours:
    """A colour scale, and its bar."""

    values: np.ndarray
    name: str | None
    has_bar: bool = True

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of one artist."""
        cmap = "viridis" if self.has_bar else "turbo"
        style = {"c": self.values, "cmap": cmap}
        return [_scatter(ax, coordinates, style, options)]

    def explain(self, fig, points):
        """Add a colour bar on the right of a figure."""
        if self.has_bar:
            bar = fig.colorbar(points[0], ax=fig.axes, shrink=0.6, aspect=30)
            bar.set_label(self.name)

    def explain_on(self, ax, points):
        """Add a colour bar on the right of the axes."""
        if self.has_bar:
            ax.figure.colorbar(points[0], ax=ax).set_label(self.name)
