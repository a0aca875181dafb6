"""The page of a report, from top to bottom."""

from datetime import UTC, datetime
from importlib.resources import files

from skae.inspection._html import pictures, repetition
from skae.inspection._html.elements import described, document, element, listed, table
from skae.inspection._report import (
    MISSING,
    OF_EMBEDDINGS,
    captions,
    cell,
    codes,
    notes,
)

_COLUMNS = {
    "method": ("Method", None),
    "reconstruction_r2": (
        "R²",
        "how much of the held-out rows comes back through the code: the fraction of "
        "their sum of squares about the training mean that the reconstruction "
        "explains. 1 is all of it, 0 no more than the mean",
    ),
    "trustworthiness": (
        "Trustworthiness",
        "whether neighbours in the embedding are neighbours in the data; falls where "
        "rows are put side by side that are far apart",
    ),
    "continuity": (
        "Continuity",
        "whether neighbours in the data stay neighbours in the embedding; falls where "
        "it tears them apart",
    ),
    "geodesic_correlation": (
        "Geodesic correlation",
        "between distances along the manifold that the data lie on, which is known "
        "here, and distances in the embedding",
    ),
    "neighborhood_hit": (
        "Neighbourhood hit",
        "how many of the nearest neighbours in the embedding have the same label",
    ),
    "knn_accuracy": (
        "k-NN accuracy",
        "how often a vote among the nearest neighbours in the embedding gives the "
        "label of a row",
    ),
    "fit_seconds": ("Fit, seconds", "wall-clock time on the machine named below"),
    "transform_seconds": ("Transform, seconds", "the same, of the held-out rows"),
    "n_fit_rows": ("Rows fitted on", None),
}
"""The heading of each column of the table, and what it means."""

_TIMES = {"fit_seconds", "transform_seconds", "n_fit_rows"}

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report(display, *, name, command, path, n_samples):
    """Write a comparison out as a page of HTML.

    Parameters
    ----------
    display : ComparisonDisplay
        The comparison.

    name : str
        What the data are called.

    command : str or None
        The command line that repeats it; None writes Python code.

    path : str
        Where the page is to go; that code ends with it.

    n_samples : int
        As for :meth:`ComparisonDisplay.plot`.

    Returns
    -------
    str
        A whole document.
    """
    title = f"Comparison on {name}"
    sections = {
        "results": ("Results", _results(display)),
        "embeddings": ("Embeddings", _embeddings(display)),
        "reconstructions": ("Reconstructions", _reconstructions(display, n_samples)),
        "parameters": ("Parameters", _parameters(display)),
        "repeat": ("How to repeat it", _repetition(display, command, path)),
    }
    sections = {key: (head, parts) for key, (head, parts) in sections.items() if parts}
    links = (element("a", head, href=f"#{key}") for key, (head, _) in sections.items())
    body = element(
        "body",
        element(
            "header",
            element("h1", title),
            element("p", _summary(display), class_="lead"),
            element("nav", listed("ul", links), aria_label="Sections"),
        ),
        element(
            "main",
            *(
                element(
                    "section",
                    element("h2", heading, id=f"{key}-heading"),
                    *parts,
                    id=key,
                    aria_labelledby=f"{key}-heading",
                )
                for key, (heading, parts) in sections.items()
            ),
        ),
        element("footer", element("p", _made())),
    )
    return document(element("html", _head(title), body, lang="en"))


def _head(title):
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", style),
    )


def _summary(display):
    n_train = len(display.held_out.X_train)
    n_test, n_features = display.held_out.X_test.shape
    n_methods = len(display.table)
    return (
        f"{n_methods:,} {'method' if n_methods == 1 else 'methods'}, fitted on up to "
        f"{n_train:,} rows of {n_features:,} features and measured on {n_test:,} rows "
        f"held out. {codes(display)}"
    )


def _made():
    now = datetime.now(UTC)
    return f"Made by skae on {now:%Y-%m-%d} at {now:%H:%M} UTC."


def _results(display):
    shown = [column for column in _COLUMNS if column in display.table]
    cells = {column: _cells(display.table[column], column) for column in shown}
    results = table(
        [_COLUMNS[column][0] for column in shown],
        zip(*cells.values(), strict=True),
        caption="On the rows held out",
    )
    explained = [
        (text, f"{meaning}.")
        for text, meaning in (_COLUMNS[column] for column in shown)
        if meaning
    ]
    return [
        element(
            "p",
            "The best value of each measure is bold; "
            f"{MISSING} is one that a method does not have.",
        ),
        _scrolled(results, "Table of results"),
        listed("ul", notes(display.table), class_="notes")
        if any(display.table["note"])
        else None,
        _folded("What the columns mean", described(explained)),
    ]


def _cells(values, column):
    if column == "n_fit_rows":
        return [f"{value:,}" for value in values]
    written = [cell(value, column) for value in values]
    if column in {"method"} | _TIMES:
        return written
    best = cell(values.max(), column)
    return [
        element("strong", text) if text == best != MISSING else text for text in written
    ]


def _embeddings(display):
    y = display.held_out.y_test
    said = captions(display.table, OF_EMBEDDINGS)
    first = next(iter(display.embeddings.values()))
    legend = pictures.legend(first.Z, y)
    figures = (
        _figure(
            pictures.embedding(embedding.Z, y, _scatter_plot(name, embedding.Z, y)),
            name,
            said[name],
        )
        for name, embedding in display.embeddings.items()
    )
    if legend is not None:
        name = element("figcaption", element("strong", "Legend"))
        legend = element("figure", legend, name)
    return [element("div", *figures, legend, class_="grid")]


def _scatter_plot(name, Z, y):
    coloured = "" if y is None else f", told apart by {y.name or 'the target'}"
    return f"Scatter plot of the codes that {name} gives {len(Z):,} rows{coloured}."


def _reconstructions(display, n_samples):
    said = captions(display.table, {"reconstruction_r2": "R²"})
    figures = [
        _figure(
            pictures.reconstruction(
                display.held_out.X_test,
                embedding.X_hat,
                display.held_out.y_test,
                f"Held-out rows, and below or beside them what {name} makes of them.",
                n_samples=n_samples,
                image_shape=display.settings["image_shape"],
                feature_names=display.held_out.names,
            ),
            name,
            said[name],
        )
        for name, embedding in display.embeddings.items()
        if embedding.X_hat is not None
    ]
    return [element("div", *figures, class_="grid wide")] if figures else []


def _figure(picture, name, caption):
    # No line ends within the name of a measure, or between it and the value.
    measures = [element("span", part) for part in caption.split("  ")]
    parts = [part for measure in measures for part in ("  ", measure)][1:]
    return element(
        "figure",
        picture,
        element("figcaption", element("strong", name), element("span", *parts)),
    )


def _parameters(display):
    return [
        element("p", "Those that are not the default of their class are bold."),
        *(_method(name, method) for name, method in display.methods.items()),
    ]


def _method(name, method):
    steps = [
        _scrolled(
            table(
                ["Parameter", "Value"],
                (_parameter(*row) for row in rows),
                caption=step,
                class_="parameters",
            ),
            f"Parameters of {step}, {name}",
        )
        for step, rows in repetition.parameters(method)
    ]
    return _folded(name, *steps)


def _parameter(name, value, is_set):
    value = element("code", value)
    return (name, element("strong", value)) if is_set else (name, value)


def _repetition(display, command, path):
    settings = [
        (name, element("code", value)) for name, value in repetition.settings(display)
    ]
    how = command or repetition.code(display, path)
    language = "On the command line:" if command else "In Python:"
    seed = display.settings["random_state"]
    return [
        element("p", language),
        element(
            "pre", element("code", how), tabindex="0", role="region", aria_label="Code"
        ),
        None
        if isinstance(seed, int)
        else element(
            "p", "Without a whole number as random_state no run is like another."
        ),
        _scrolled(
            table(["Setting", "Value"], settings, caption="Settings"),
            "Settings",
        ),
        _scrolled(
            table(["Package", "Version"], repetition.versions(), caption="Made with"),
            "Versions",
        ),
        element(
            "p",
            "SHA-256 of the rows as the methods met them, training rows first, in "
            "float64: ",
            element("code", repetition.fingerprint(display.held_out)),
        ),
    ]


def _scrolled(content, label):
    """Let a wide table scroll by itself, with the keyboard too."""
    return element(
        "div", content, class_="scroll", tabindex="0", role="region", aria_label=label
    )


def _folded(summary, *content):
    return element("details", element("summary", summary), *content)
