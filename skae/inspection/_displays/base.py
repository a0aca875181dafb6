"""What displays have in common: where they draw, and rows that may be images."""

from dataclasses import fields

from skae.inspection._figure import axes_for, cut
from skae.inspection._images import image_shape_for


class Display:
    """A picture on axes of the caller's, or on new ones."""

    def __repr__(self):
        """Write what it holds in one line: arrays by their shapes."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        texts = (f"{name}={_brief(x)}" for name, x in held.items() if x is not None)
        return f"{type(self).__name__}({', '.join(texts)})"

    def _start(self, ax, size, options):
        """Take the axes, or make some: as large as `options` say, or of a size.

        The options lose their ``figsize``: what is left goes on to matplotlib.
        """
        self.ax_ = axes_for(ax, size, options.pop("figsize", None))
        self.figure_ = self.ax_.figure
        return self.ax_


class RowsDisplay(Display):
    """A picture of rows, which are drawn as images or over their features.

    A subclass has `image_shape` and `feature_names`, says which of its attributes the
    rows are (`_rows`), and draws in two ways: ``_draw_images(ax, shape, **options)``
    and ``_draw_table(ax, **options)``.
    """

    def plot(self, ax=None, **kwargs):
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new pyplot figure. Where several axes take its
            place, it must be from a grid, as `matplotlib.pyplot.subplots` makes them.
        **kwargs : dict
            ``figsize`` in inches; options of `matplotlib.axes.Axes.imshow` for images,
            of `matplotlib.axes.Axes.plot` for lines, ``cmap`` of maps.

        Returns
        -------
        Display
            This one, with what was drawn as attributes.
        """
        n_features = getattr(self, self._rows).shape[-1]
        shape = image_shape_for(n_features, self.image_shape, self.feature_names)
        if shape is None:
            self._draw_table(ax, **kwargs)
        else:
            self._draw_images(ax, shape, **kwargs)
        return self


def _brief(value):
    if hasattr(value, "shape"):
        return f"<{type(value).__name__} of shape {tuple(value.shape)}>"
    if hasattr(value, "__len__") and len(value) > 8:
        return f"<{type(value).__name__} of {len(value)}>"
    return cut(" ".join(repr(value).split()), 60)
