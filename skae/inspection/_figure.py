"""Where to draw: the figure or the axes that the caller gave, or new ones."""

from math import ceil
from textwrap import fill

import numpy as np

from skae._optional import import_optional

_LETTER = 0.078  # inches, of the name of an axis


def figure_for(fig, size):
    """Return the figure to draw on.

    Parameters
    ----------
    fig : Figure, SubFigure or None
        The caller's, which keeps its size; None is a new pyplot figure.

    size : tuple of float
        Width and height of a new figure in inches.

    Returns
    -------
    Figure or SubFigure
        With a constrained layout, unless the caller chose another.
    """
    if fig is None:
        pyplot = import_optional("matplotlib.pyplot", extra="inspection")
        return pyplot.figure(figsize=size, layout="constrained")
    figure = import_optional("matplotlib.figure", extra="inspection")
    if not isinstance(fig, figure.FigureBase):
        raise TypeError(
            "fig must be a matplotlib Figure or SubFigure, such as plt.figure(). "
            f"Got {_kind(fig)}."
        )
    if fig.get_layout_engine() is None:
        fig.figure.set_layout_engine("constrained")
    return fig


def axes_for(ax, size, figsize=None):
    """Return the axes to draw on.

    Parameters
    ----------
    ax : Axes or None
        The caller's; None are those of a new pyplot figure.

    size : tuple of float
        Width and height of a new figure in inches.

    figsize : tuple of float, default=None
        The caller's choice in its place.

    Returns
    -------
    Axes
        Ready to be drawn on.
    """
    if ax is None:
        size = size if figsize is None else _checked(figsize)
        return figure_for(None, size).add_subplot()
    if not isinstance(ax, import_optional("matplotlib.axes", extra="inspection").Axes):
        raise TypeError(
            "ax must be a single matplotlib Axes, such as plt.gca() or one of those of "
            f"plt.subplots. Got {_kind(ax)}."
        )
    if figsize is not None:
        raise ValueError("Pass ax or figsize, not both: axes keep their size.")
    return ax


def _checked(figsize):
    try:
        width, height = map(float, figsize)
    except (TypeError, ValueError):
        width = height = np.nan
    if not (0 < width < np.inf and 0 < height < np.inf):
        raise ValueError(
            "figsize must be two numbers, width and height in inches, such as (8, 4). "
            f"Got {figsize!r}."
        )
    return width, height


def _kind(given):
    kind = type(given).__name__
    return f"{kind} of {np.size(given)}" if np.ndim(given) else kind


def split(ax, n, n_columns=1, *, sharey=False):
    """Put smaller axes in the place of one, line by line, with one x axis.

    Parameters
    ----------
    ax : Axes
        From a grid, as `subplots` makes them; switched off.

    n : int
        How many.

    n_columns : int, default=1
        How many side by side.

    sharey : bool, default=False
        Whether they have one y axis, too.

    Returns
    -------
    list of Axes
        From left to right, and from top to bottom.

    Raises
    ------
    ValueError
        If `ax` stands in no grid, or was split before.
    """
    spec = ax.get_subplotspec()
    if spec is None or not ax.axison:
        raise ValueError(
            "ax is split into several axes here: it must be from a grid, as made by "
            "plt.subplots or Figure.add_subplot, and not be split already."
        )
    ax.set_axis_off()
    axes, shared = [], {}
    grid = spec.subgridspec(ceil(n / n_columns), n_columns)
    for i in range(n):
        axes.append(ax.figure.add_subplot(grid[i], **shared))
        shared = {"sharex": axes[0], "sharey": axes[0] if sharey else None}
        axes[i].tick_params(
            labelbottom=i + n_columns >= n,
            labelleft=not sharey or i % n_columns == 0,
        )
    return axes


def chosen_scale(scale, automatic):
    """Return the scale that was asked for, or the one that "auto" stands for."""
    if scale not in ("auto", "linear", "log"):
        raise ValueError(f'scale must be "auto", "linear" or "log". Got {scale!r}.')
    return automatic if scale == "auto" else scale


def bare(ax):
    """Take ticks and frame from axes whose units mean nothing."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def frameless(ax):
    """Take the frame from axes whose content has one, and the marks of the ticks."""
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def legend_above(ax, handles=None):
    """Put a legend above the axes, in one line at the right: of `handles`, or all."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles),
        frameon=False,
        borderaxespad=0.1,
    )


def plain_ticks(axis):
    """Write 20 and 0.5 at a logarithmic axis, and not products of powers of ten.

    Between powers of ten only where there is room for it, when it is drawn.
    """
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(
        lambda value, _: (
            f"{value:g}" if f"{value:e}"[0] in "25" and _is_wide(axis) else ""
        )
    )


def _is_wide(axis):
    """Whether numbers fit side by side along a decade of a logarithmic axis."""
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low)
    return decades < 1 or axis.get_tick_space() > 4 * decades


def name_axis(axis, text):
    """Write the name of an axis, broken into lines that are no longer than it."""
    axis.set_label_text(broken(axis, text))


def broken(axis, text):
    """Break a text into lines that are about as long as an axis."""
    ax = axis.axes
    place, size = ax.get_position(), ax.figure.bbox.size / ax.figure.dpi
    inches = place.width * size[0] if axis is ax.xaxis else place.height * size[1]
    return lines_of(text, inches)


def lines_of(text, inches):
    """Break a text between words into lines that are about as long."""
    width = max(20, int(inches / _LETTER))
    return fill(text, width, break_long_words=False, break_on_hyphens=False)


def cut(text, n):
    """Cut a text of more than so many characters, at least three."""
    return text if len(text) <= n else f"{text[: max(2, n - 1)]}…"


def inches_each(ax, n):
    """Return how wide each of `n` things side by side on the axes is, about."""
    return ax.figure.bbox.width / ax.figure.dpi * ax.get_position().width / n


def name_ticks(ax, places, names):
    """Write names along the x axis: level where they fit, else slanted or upright.

    Parameters
    ----------
    ax : Axes
        Where to write.

    places : array-like of shape (n_names,)
        Where they belong, in data.

    names : list of str
        Long ones are cut.
    """
    inches = inches_each(ax, len(names))
    names = [cut(name, 23) for name in names]
    longest = max(map(len, names))
    if 0.09 * longest < inches:
        style = {}
    elif inches > 0.25:
        style = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    else:
        style = {"rotation": 90}
    ax.set_xticks(places, names, **style)
