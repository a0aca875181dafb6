"""What displays have in common: where they draw, and rows that may be images."""

from skae.inspection._figure import axes_for
from skae.inspection._images import image_shape_for


class Display:
    """A picture on axes of the caller's, or on new ones."""

    def _start(self, ax, size, options):
        """Take the axes, or make some: of the ``figsize`` that `options` lose, or size.

        Parameters
        ----------
        ax : Axes or None
            The caller's.

        size : tuple of float
            Width and height in inches that suit the picture.

        options : dict
            Of the caller's.

        Returns
        -------
        Axes
            Those to draw on, from now on `ax_`.
        """
        self.ax_ = axes_for(ax, size, options.pop("figsize", None))
        self.figure_ = self.ax_.figure
        return self.ax_


class RowsDisplay(Display):
    """A picture of rows, which are drawn as images or over their features.

    A subclass has `image_shape` and `feature_names`, and draws in two ways:
    ``_draw_images(ax, shape, **options)`` and ``_draw_table(ax, **options)``.
    """

    def _draw_rows(self, ax, n_features, options):
        """Draw rows of so many features in one of the two ways."""
        shape = image_shape_for(n_features, self.image_shape, self.feature_names)
        if shape is None:
            self._draw_table(ax, **options)
        else:
            self._draw_images(ax, shape, **options)
        return self
