"""Three ways to draw rows and their reconstructions; each knows its own size."""

from dataclasses import dataclass

import numpy as np

from skae.inspection._colours import colours_of
from skae.inspection._figure import bare
from skae.inspection._images import ImageShape, image_shape_for
from skae.inspection._profiles import label_features
from skae.inspection._rows import mean_and_deviation

_MOST_MARKS = 80  # columns of a heat map that leave room for a sign in each cell


def drawing_for(n_features, *, image_shape, feature_names):
    """Choose how to draw rows of so many features.

    Parameters
    ----------
    n_features : int
        Width of the rows.

    image_shape : tuple of int, False or None
        Their shape, if they are known to be images; False: they are none.

    feature_names : list of str or None
        The names of their columns, if they are known to be a table.

    Returns
    -------
    Images, Points or HeatMap
        With `size(n_panels)` and `draw(fig, panels, rows, y, legend)`.

    Raises
    ------
    ValueError
        If `image_shape` does not fit.
    """
    shape = image_shape_for(n_features, image_shape, feature_names)
    if shape is not None:
        return Images(shape)
    return Points(n_features) if n_features in (2, 3) else HeatMap(feature_names)


@dataclass(frozen=True)
class Images:
    """A strip of images for each panel, one strip below the other."""

    shape: ImageShape

    def size(self, n_panels):
        """Return width and height of the figure in inches."""
        return 10.0, 0.85 * n_panels + 0.2

    def draw(self, fig, panels, rows, y, legend):
        """Draw the images of the chosen rows."""
        X = next(iter(panels.values()))[rows]
        limits = X.min(), X.max()
        for ax, (name, panel) in _stacked(fig, panels):
            strip, _ = self.shape.mosaic(panel[rows], len(rows), limits)
            ax.imshow(strip, cmap="gray", vmin=limits[0], vmax=limits[1])
            ax.set_anchor("W")  # else the layout makes too little room for the label
            _label(ax, name)


@dataclass(frozen=True)
class Points:
    """All rows as points of the plane or of space, a panel beside the other."""

    n_features: int

    def size(self, n_panels):
        """Return width and height of the figure in inches."""
        return 2.4 * n_panels + 0.8, 2.9

    def draw(self, fig, panels, rows, y, legend):
        """Draw all rows, coloured by y."""
        X = next(iter(panels.values()))
        colours = colours_of(y)
        projection = "3d" if self.n_features == 3 else None
        for i, (name, panel) in enumerate(panels.items(), start=1):
            ax = fig.add_subplot(1, len(panels), i, projection=projection)
            points = colours.scatter(ax, *panel.T, s=14)
            self._frame(ax, X)
            ax.set_title(name, y=1.0)
        if legend:
            colours.explain(fig, points)

    def _frame(self, ax, X):
        """Show the range of the originals, the same in every panel."""
        for axis, low, high in zip("xyz", X.min(axis=0), X.max(axis=0), strict=False):
            margin = 0.05 * (high - low) or 1
            ax.set(**{f"{axis}lim": (low - margin, high + margin), f"{axis}ticks": []})
        if self.n_features == 3:
            sides = np.maximum(np.ptp(X, axis=0) / np.ptp(X, axis=0).max(), 1e-3)
            # zoom is about the diagonal: this makes the longest side fill the panel.
            ax.set_box_aspect(sides, zoom=0.7 * np.linalg.norm(sides))
            ax.view_init(elev=12, azim=-66)
        else:
            ax.set_aspect("equal", adjustable="datalim")


@dataclass(frozen=True)
class HeatMap:
    """A heat map for each panel, a line a row, a column a feature."""

    feature_names: list[str] | None

    def size(self, n_panels):
        """Return width and height of the figure in inches."""
        return 10.0, 1.3 * n_panels + (0.5 if self.feature_names is None else 1.2)

    def draw(self, fig, panels, rows, y, legend):
        """Draw the chosen rows, each feature in its standard deviations."""
        X = next(iter(panels.values()))
        mean, spread = mean_and_deviation(X)
        has_marks = X.shape[1] <= _MOST_MARKS
        for ax, (name, panel) in _stacked(fig, panels):
            values = (panel[rows] - mean) / spread
            image = ax.imshow(
                values,
                cmap="cividis",  # from dark to light: to be read without colours
                vmin=-2.5,
                vmax=2.5,
                aspect="auto",
                interpolation="nearest",
            )
            if has_marks:
                line, column = np.nonzero(values < 0)
                ax.plot(column, line, "_", color="w", markersize=4)
            _label(ax, name)
        label_features(ax, self.feature_names, X.shape[1])
        marks = "\n\N{MINUS SIGN}: below the mean" if has_marks else ""
        fig.colorbar(image, ax=fig.axes, label=f"standard deviations{marks}", aspect=40)


def _stacked(fig, panels):
    axes = fig.subplots(len(panels), squeeze=False)
    return zip(axes.flat, panels.items(), strict=True)


def _label(ax, name):
    bare(ax)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
