"""The looks of points: one, one for each class, or a scale; each explains itself.

Classes differ in the shape of their points as well as in colour, and scales in
lightness: both survive a printer without colours.
"""

import warnings
from dataclasses import dataclass
from datetime import date
from itertools import product
from math import ceil

import numpy as np
from sklearn.utils import column_or_1d

from skae._optional import import_optional
from skae.inspection._rows import classes_of, is_missing

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

    Warns
    -----
    UserWarning
        If there are more classes than a legend has room for.
    """
    if y is None:
        return OneColour()
    name = getattr(y, "name", None)
    name = None if name is None else str(name)
    order, y = _order_of(y), column_or_1d(np.asarray(y))
    there = ~np.array([is_missing(value) for value in y], dtype=bool)
    if _are_dates(y[there]):
        return ScaleColours(_spread(_days(y[there]), there), name, of_dates=True)
    values, codes = (
        classes_of(y[there]) if order is None else _in_order(y[there], order)
    )
    is_number = values.dtype.kind in "iuf"
    is_scale = is_number and (len(values) > _MOST_NUMBERS or np.any(values % 1))
    if is_scale:
        return ScaleColours(_spread(values[codes], there), name)
    if len(values) <= _MOST_CLASSES:
        return ClassColours(values, np.where(there, _spread(codes, there), -1), name)
    warnings.warn(
        f"y has {len(values)} classes, and a legend has room for {_MOST_CLASSES}: the "
        "colours are drawn without one. Group the rare ones under one name, or pass "
        "numbers, which get a colour bar.",
        stacklevel=3,
    )
    return ScaleColours(_spread(codes, there), name, has_bar=False)


def _spread(values, there):
    """Put values where they are, and NaN where they are missing: (n_samples,)."""
    spread = np.full(len(there), np.nan)
    spread[there] = values
    return spread


def _are_dates(y):
    is_date = y.dtype.kind == "O" and all(isinstance(value, date) for value in y)
    return len(y) > 0 and (is_date or y.dtype.kind == "M")


def _days(dates):
    """Count the days to dates, as matplotlib does."""
    return import_optional("matplotlib.dates", extra="inspection").date2num(dates)


def _order_of(y):
    """Return the categories of an ordered pandas.Categorical, or None."""
    dtype = getattr(y, "dtype", None)
    return list(dtype.categories) if getattr(dtype, "ordered", False) else None


def _in_order(y, order):
    """Do what `classes_of` does, with an order that is known."""
    used = set(y)
    values = [category for category in order if category in used]
    places = {value: i for i, value in enumerate(values)}
    texts = np.array([str(value) for value in values], dtype=object)
    return texts, np.array([places[value] for value in y], dtype=int)


def _scatter(ax, coordinates, style, options):
    """Draw points, without edges unless their shape is of strokes or the caller's."""
    style = {"linewidths": 0, **style} if "marker" not in options else style
    if "c" in options or "color" in options:  # matplotlib takes one of them
        style = {k: v for k, v in style.items() if k not in ("c", "color", "cmap")}
    return ax.scatter(*coordinates, **{**style, **options})


def _scatter_missing(ax, coordinates, missing, options):
    """Draw the points that have no value grey and hollow: a list of one artist."""
    if not missing.any():
        return []
    taken = ("c", "color", "cmap", "norm", "vmin", "vmax", "marker")
    style = {name: value for name, value in options.items() if name not in taken}
    hollow = {"facecolors": "none", "edgecolors": "0.5", "linewidths": 0.8}
    label = f"no value ({missing.sum()})"
    points = [axis[missing] for axis in coordinates]
    return [ax.scatter(*points, **{**style, **hollow, "label": label})]


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
    """A colour and a shape for each class, and a legend.

    Points of the class -1 have none.
    """

    values: np.ndarray
    codes: np.ndarray
    name: str | None

    def scatter(self, ax, *coordinates, cmap=None, **options):
        """Draw the points: a list of an artist for each class, in colours of `cmap`."""
        n = len(self.values)
        colours = map(_colour, range(n)) if cmap is None else _along(cmap, n)
        points = [
            _scatter(
                ax,
                [axis[self.codes == i] for axis in coordinates],
                {"label": _written(value), "color": colour, **_shape(i, options)},
                options,
            )
            for i, (value, colour) in enumerate(zip(self.values, colours, strict=True))
        ]
        return points + _scatter_missing(ax, coordinates, self.codes < 0, options)

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
        shapes = [_SHAPES[i % len(_SHAPES)] for i in range(len(self.values))]
        handles = [
            lines.Line2D(
                [],
                [],
                linestyle="",
                marker=marker,
                fillstyle="full" if is_filled else "none",
                color=_first_colour(of_class),
                alpha=1,
                label=of_class.get_label(),
            )
            for of_class, (marker, is_filled) in zip(
                points, [*shapes, ("o", False)], strict=False
            )
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


def _written(value):
    """Write the name of a class; of a whole number without decimals."""
    return f"{value:.15g}" if isinstance(value, float | np.floating) else str(value)


def _along(cmap, n):
    """Return n colours from one end of a colour map to the other."""
    colormaps = import_optional("matplotlib", extra="inspection").colormaps
    return colormaps.get_cmap(cmap)(np.linspace(0, 1, n))


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
    """A colour scale, and its bar; NaN is without a value."""

    values: np.ndarray
    name: str | None
    has_bar: bool = True
    of_dates: bool = False

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of an artist, and one of those without a value."""
        missing = np.isnan(self.values)
        cmap = "viridis" if self.has_bar else "turbo"
        style = {"c": self.values[~missing], "cmap": cmap}
        points = [axis[~missing] for axis in coordinates]
        drawn = [_scatter(ax, points, style, options)]
        return drawn + _scatter_missing(ax, coordinates, missing, options)

    def explain(self, fig, points):
        """Add a colour bar on the right of a figure."""
        self._explain(points, ax=fig.axes, shrink=0.6, aspect=30)

    def explain_on(self, ax, points):
        """Add a colour bar on the right of the axes."""
        self._explain(points, ax=ax)

    def _explain(self, points, **options):
        if not self.has_bar or points[0].get_array() is None:  # one colour for all
            return
        if self.of_dates:
            dates = import_optional("matplotlib.dates", extra="inspection")
            options["ticks"] = dates.AutoDateLocator()
            options["format"] = dates.AutoDateFormatter(options["ticks"])
        coloured, *hollow = points
        bar = coloured.figure.colorbar(coloured, **options)
        notes = [f"hollow: {of_none.get_label()}" for of_none in hollow]
        bar.set_label("\n".join(filter(None, [self.name, *notes])))
