"""Where to draw: the figure the caller gave, or a new one."""

from skae._optional import import_optional


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
    if fig.get_layout_engine() is None:
        fig.figure.set_layout_engine("constrained")
    return fig


def bare(ax):
    """Take ticks and frame from axes whose units mean nothing."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
