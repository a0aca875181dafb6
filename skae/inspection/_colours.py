"""The looks of points: one, one for each class, or a scale; each explains itself.

Classes differ in the shape of their points as well as in colour, and scales in
lightness: both survive a printer without colours.
"""

from dataclasses import dataclass

import numpy as np

from skae._optional import import_optional

_MOST_NUMBERS = 20  # more whole numbers than these are a scale
_MOST_CLASSES = 40  # of which a legend is of use
_MARKERS = "os^DvPX<>h*"  # with ten colours 110 looks that differ


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
    return np.unique(y, return_inverse=True)


@dataclass(frozen=True)
class OneColour:
    """All points alike."""

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of one artist."""
        return [ax.scatter(*coordinates, **{"color": "C0", **options})]

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
            ax.scatter(
                *(axis[self.codes == i] for axis in coordinates),
                **{
                    "color": f"C{i % 10}",
                    "marker": _MARKERS[i % len(_MARKERS)],
                    "label": str(value),
                    **options,
                },
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
                marker=_MARKERS[i % len(_MARKERS)],
                color=of_class.get_facecolor()[0],
                alpha=1,
                label=of_class.get_label(),
            )
            for i, of_class in enumerate(points)
        ]
        many = len(handles) > 20
        parent.legend(
            handles=handles,
            title=self.name,
            frameon=False,
            ncols=2 if many else 1,
            fontsize="small" if many else None,
            **place,
        )


@dataclass(frozen=True)
class ScaleColours:
    """A colour scale, and its bar."""

    values: np.ndarray
    name: str | None
    has_bar: bool = True

    def scatter(self, ax, *coordinates, **options):
        """Draw the points: a list of one artist."""
        cmap = "viridis" if self.has_bar else "turbo"
        return [ax.scatter(*coordinates, **{"c": self.values, "cmap": cmap, **options})]

    def explain(self, fig, points):
        """Add a colour bar on the right of a figure."""
        if self.has_bar:
            bar = fig.colorbar(points[0], ax=fig.axes, shrink=0.6, aspect=30)
            bar.set_label(self.name)

    def explain_on(self, ax, points):
        """Add a colour bar on the right of the axes."""
        if self.has_bar:
            ax.figure.colorbar(points[0], ax=ax).set_label(self.name)
