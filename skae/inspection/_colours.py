"""The colours of points: one, one for each class, or a scale; each explains itself."""

from dataclasses import dataclass

import numpy as np

from skae._optional import import_optional

_MOST_CLASSES = 20  # as many as there are colours to tell apart


def colours_of(y):
    """Choose the colours of points.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        Labels, or numbers; the name of a Series is written at the legend.

    Returns
    -------
    OneColour, ClassColours or ScaleColours
        With `scatter_options()` and `explain(fig, points)`.
    """
    if y is None:
        return OneColour()
    name = getattr(y, "name", None)
    name = None if name is None else str(name)
    y = np.asarray(y)
    values, codes = np.unique(y, return_inverse=True)
    is_number = y.dtype.kind in "iuf"
    if len(values) <= _MOST_CLASSES and not (is_number and np.any(values % 1)):
        return ClassColours(values, codes, name)
    if is_number:
        return ScaleColours(y, name)
    return ScaleColours(codes, name, has_bar=False)  # too many classes to name


@dataclass(frozen=True)
class OneColour:
    """All points alike."""

    def scatter_options(self):
        """Return the options of `Axes.scatter`."""
        return {"color": "C0"}

    def explain(self, fig, points):
        """Add nothing."""


@dataclass(frozen=True)
class ClassColours:
    """A colour for each class, and a legend."""

    values: np.ndarray
    codes: np.ndarray
    name: str | None

    def scatter_options(self):
        """Return the options of `Axes.scatter`."""
        n_classes = len(self.values)
        return {
            "c": self.codes,
            "cmap": "tab10" if n_classes <= 10 else "tab20",
            "vmin": -0.5,
            "vmax": 9.5 if n_classes <= 10 else 19.5,
        }

    def explain(self, fig, points):
        """Add a legend on the right."""
        lines = import_optional("matplotlib.lines", extra="inspection")
        handles = [
            lines.Line2D(
                [], [], linestyle="", marker="o", color=points.to_rgba(i), label=value
            )
            for i, value in enumerate(self.values)
        ]
        fig.legend(
            handles=handles,
            title=self.name,
            loc="outside right center",
            frameon=False,
        )


@dataclass(frozen=True)
class ScaleColours:
    """A colour scale, and its bar."""

    values: np.ndarray
    name: str | None
    has_bar: bool = True

    def scatter_options(self):
        """Return the options of `Axes.scatter`."""
        return {"c": self.values, "cmap": "viridis" if self.has_bar else "turbo"}

    def explain(self, fig, points):
        """Add a colour bar on the right."""
        if self.has_bar:
            fig.colorbar(points, ax=fig.axes, shrink=0.6, aspect=30, label=self.name)
