"""A comparison in words: what was held out, the table, what is unusual about it."""

from skae.inspection._shares import written
from skae.inspection._validation import listing

MISSING = "-"

_HEADINGS = {
    "method": "method",
    "reconstruction_r2": "R²",
    "trustworthiness": "trust-\nworthiness",
    "continuity": "continuity",
    "geodesic_correlation": "geodesic\ncorrel.",
    "neighborhood_hit": "neighb.\nhit",
    "knn_accuracy": "k-NN\naccuracy",
    "fit_seconds": "fit\nseconds",
    "transform_seconds": "transform\nseconds",
}


OF_EMBEDDINGS = {
    "trustworthiness": "trustworthiness",
    "geodesic_correlation": "geodesic",
    "knn_accuracy": "k-NN",
}
"""The columns that the caption of an embedding has, and what it calls them."""


def print_report(display, *, name):
    """Print a comparison on standard output, with rich if it is there.

    Parameters
    ----------
    display : ComparisonDisplay
        The comparison.

    name : str
        What the data are called.
    """
    n_train = len(display.held_out.X_train)
    n_test, n_features = display.held_out.X_test.shape
    print(
        f"{name}: {n_features:,} features, {n_train:,} rows to fit on, {n_test:,} "
        f"held out to measure on\n{codes(display)}\n"
    )
    columns = {
        _HEADINGS[name]: [cell(value, name) for value in display.table[name]]
        for name in display.table
        if name in _HEADINGS
    }
    try:
        _print_rich(columns)
    except ImportError:
        _print_plain(columns)
    print()
    for line in notes(display.table):
        print(line)


def codes(display):
    """Say how large the codes are, and what was done to the features before.

    Parameters
    ----------
    display : ComparisonDisplay
        The comparison.

    Returns
    -------
    str
        A sentence.
    """
    sizes = sorted({found.Z.shape[1] for found in display.embeddings.values()})
    size = " to ".join(f"{n:,}" for n in dict.fromkeys([sizes[0], sizes[-1]]))
    preprocessing = display.settings["preprocessing"]
    are = "as they are"
    if preprocessing is not None:
        are = f"prepared by {type(preprocessing).__name__}"
    components = "component" if sizes[-1] == 1 else "components"
    return f"Codes of {size} {components}, of features {are}."


def cell(value, name):
    """Write out an entry of the column of that name."""
    if isinstance(value, str):
        return value
    if value != value:
        return MISSING
    if name.endswith("_seconds"):
        return f"{value:.2f}" if name == "fit_seconds" else f"{value:.3f}"
    return written(value, "z.3f")


def _print_rich(columns):
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = 120  # a file has no margin to wrap at
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in columns:
        justify = "left" if heading == "method" else "right"
        table.add_column(heading, justify=justify, vertical="bottom", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    console.print(table)


def _print_plain(columns):
    blocks = [
        _block(heading, cells, left=heading == "method")
        for heading, cells in columns.items()
    ]
    for line in zip(*blocks, strict=True):
        print("  ".join(line).rstrip())


def _block(heading, cells, *, left):
    """Pad a column's two lines of heading and its cells to one width."""
    lines = heading.split("\n")
    lines = [""] * (2 - len(lines)) + lines + cells
    width = max(map(len, lines))
    return [line.ljust(width) if left else line.rjust(width) for line in lines]


def notes(table):
    """Say each note of the table once, with the methods it is about."""
    about = {}
    for name, note in zip(table["method"], table["note"], strict=True):
        about.setdefault(note, []).append(name)
    about.pop("", None)
    return [
        f"{listing(names)}: {note.removesuffix('.')}." for note, names in about.items()
    ]


def captions(table, measures):
    """Write the chosen columns of the table out, by method.

    Parameters
    ----------
    table : DataFrame
        Of a comparison.

    measures : dict of str to str
        What to call a column, by its name.

    Returns
    -------
    dict of str to str
        A line for each method.
    """
    shown = {column: called for column, called in measures.items() if column in table}
    return {
        row["method"]: "  ".join(
            f"{called}\u00a0{cell(row[column], column)}"  # no line ends there
            for column, called in shown.items()
        )
        for _, row in table.iterrows()
    }
