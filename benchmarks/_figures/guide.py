"""The tables and sentences of the user guide that have figures."""

from __future__ import annotations

from _figures.fill import fill, load

IMPUTERS = {
    "mean": "SimpleImputer",
    "KNNImputer": "KNNImputer",
    "IterativeImputer": "IterativeImputer",
    "LinearAutoencoder": "LinearAutoencoder",
    "Autoencoder": "Autoencoder",
}

TABLES = {  # of the imputers: heading, key, digits
    "digits, 8x8": ("digits", 2),
    "MNIST, 16x16": ("MNIST 16x16", 3),
    "breast cancer": ("breast cancer", 2),
    "diabetes": ("diabetes", 2),
    "iris": ("iris", 2),
    "wine": ("wine", 2),
}

FEW_LABELS = {
    "a network of these widths, on the labelled rows alone": "the labels alone",
    'logistic regression on the code (``fine_tune="head"``)': (
        "logistic regression on the code"
    ),
    "fine-tuned": "fine-tuned",
    "fine-tuned, with ``consistency=3.0``": "fine-tuned, consistency",
}

CONVOLUTIONAL = """\
On MNIST with a code of 32 and ``channels=(32, 64)`` the test error after
{MNIST > model=convolutional > epochs!d} epochs is
{MNIST > model=convolutional > test MSE!.4f}, where dense networks of 128 to 1024 units,
trained for the same time, reach {MNIST > model=dense, 128 > test MSE!.4f} to
{MNIST > model=dense, 1024 > test MSE!.4f}, and PCA {MNIST > model=PCA > test MSE!.4f}.
Of COIL-20, objects on a turntable, it gives angles that it has not seen back with
{COIL-20 > model=convolutional > test MSE!.4f}, where dense networks of these widths
reach {COIL-20 > model=dense, 128 > test MSE!.4f} to
{COIL-20 > model=dense, 1024 > test MSE!.4f} (``benchmarks/convolutional.py``)."""

SEARCHES = """\
Twelve candidates and five folds of digits through 64-32-8, 40 epochs each, took
{searches > data=digits & search=GridSearchCV, 1 process > seconds!.1f} s with
``GridSearchCV`` in one process,
{searches > data=digits & search=GridSearchCV, 2 processes > seconds!.1f} s in two, and
{searches > data=digits & search=AutoencoderSearchCV > seconds!.1f} s with
`skae.model_selection.AutoencoderSearchCV`,
{searches > data=digits & search=AutoencoderSearchCV, n_jobs=2 > seconds!.1f} s where
it had two processes. With ``factor=3`` it was
{searches > data=digits & search=AutoencoderSearchCV, factor 3 > seconds!.1f} and
{searches > data=digits & search=AutoencoderSearchCV, factor 3, n_jobs=2 > seconds!.1f}
s. (Processes take some seconds to start, which are not counted.) Large networks gain
nothing: of MNIST through 784-300-150 it was
{searches > data=MNIST & search=GridSearchCV, 2 processes > seconds!.1f} s in two
processes and {searches > data=MNIST & search=AutoencoderSearchCV > seconds!.1f} s
(``benchmarks/search.py``)."""

CHANGED = (
    "defaults",
    "learning_rate_init=0.001",
    "learning_rate_init=0.004",
    "hidden_layer_sizes=(64,)",
    "hidden_layer_sizes=(256,)",
    "max_iter=50",
    "max_iter=100",
    "activation='relu'",
    "activation='tanh'",
    "weight_decay=0.001",
    "early_stopping=True",
    "early_stopping=False",
    "linear_path=False",
)

VARIANTS = {
    "`skae.DenoisingAutoencoder`": "denoising",
    "`skae.VariationalAutoencoder`": "variational",
    "`skae.ContractiveAutoencoder`": "contractive",
    '`skae.SparseAutoencoder`, ``penalty="l1"``': "L1",
    '`skae.SparseAutoencoder`, ``penalty="kl"``': "KL",
    "`skae.TopKAutoencoder`": "top-k",
}


def rst_table(headings, rows, widths=None):
    """Lay out a list-table."""
    yield ".. list-table::"
    yield "   :header-rows: 1"
    if widths:
        yield f"   :widths: {widths}"
    for row in (headings, *rows):
        yield ""
        for i, cell in enumerate(row):
            yield f"   {'*' if i == 0 else ' '} - {cell}".rstrip()


def missing():
    """Return the errors of the imputers, the least in bold."""
    content = load("missing")
    rows = []
    for heading, (key, digits) in TABLES.items():
        old, new = (
            [_error(content[key], imputer, where) for imputer in IMPUTERS.values()]
            for where in ("RMSE", "RMSE, new rows")
        )
        old, new = _bold(old, digits), _bold(new, digits, "({})")
        both = zip(old, new, strict=True)
        rows.append([heading, *(f"{a} {b}".replace("** **", " ") for a, b in both)])
    return rst_table(["", *IMPUTERS], rows)


def few_labels():
    """Return the errors with 100 and with 1,000 labels."""
    content = load("semi_supervised")
    place = "{{models > labels={} & model={} > test error!.1%}}"
    rows = [
        [what, *(fill(place.format(n, model), content) for n in (100, 1000))]
        for what, model in FEW_LABELS.items()
    ]
    return rst_table(["", "100 labels", "1,000 labels"], rows, "60 20 20")


def convolutional():
    """Return what is said of the convolutional autoencoder."""
    return fill(CONVOLUTIONAL, load("convolutional")).splitlines()


def searches():
    """Return what is said of the time that a search takes."""
    return fill(SEARCHES, load("search")).splitlines()


def changes():
    """Return what one change of the defaults does to the held-out error."""
    content = load("defaults")
    texts = (
        "{below PCA!.0%}",
        "{median ratio!.3f}",
        "{largest ratio!.3f}",
        "{median seconds!.2f}",
    )
    by_name = {row["changed"]: row for row in content["alternatives"]}
    rows = [
        [
            "nothing" if name == "defaults" else f"``{name}``",
            *(fill(text, by_name[name]) for text in texts),
        ]
        for name in CHANGED
    ]
    headings = ["changed", "below PCA", "median ratio", "largest ratio", "seconds"]
    yield from rst_table(headings, rows, "40 15 15 15 15")
    yield ""
    yield fill(
        "{cases!d} fits each; the seconds are their median, on two cores",
        by_name["defaults"],
    )
    yield "(``benchmarks/defaults.py``)."


def variants():
    """Return the time that an epoch of each variant takes."""
    content = load("variant_speed")
    place = "{{epochs > variant={} > variant over plain!.1f}}"
    rows = [
        [what, fill(place.format(variant), content)]
        for what, variant in VARIANTS.items()
    ]
    return rst_table(["variant", "an epoch, over the plain one's"], rows, "60 40")


def alphas():
    """Return what the weight of an L1 penalty does."""
    content = load("sparse")
    texts = ("active!.0f", "dead!.1%", "test MSE!.4f", "PCA's!.4f")
    rows = [
        [
            f"``alpha={alpha}``",
            *(fill(f"{{models > model=L1, {alpha} > {t}}}", content) for t in texts),
        ]
        for alpha in ("0.001", "0.003", "0.01", "0.02")
    ]
    headings = ["", "active units", "dead units", "test error", "PCA's, as many"]
    return rst_table(headings, rows)


def _error(rows, imputer, where):
    return next(
        row[where] for row in rows if row["imputer"].partition("(")[0] == imputer
    )


def _bold(errors, digits, around="{}"):
    texts = [f"{error:.{digits}f}" for error in errors]
    least = min(texts, key=float)
    cells = [around.format(text) for text in texts]
    return [
        f"**{cell}**" if text == least else cell
        for cell, text in zip(cells, texts, strict=True)
    ]
