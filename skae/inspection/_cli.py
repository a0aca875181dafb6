"""The command line: ``python -m skae compare``."""

import argparse
import shlex
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

from skae import __version__
from skae._optional import import_optional


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        The arguments; None takes those of the process.

    Returns
    -------
    int
        The exit code: 0, or 2 after a line on standard error that says what is wrong
        with the input.
    """
    argv = sys.argv[1:] if argv is None else argv
    args = _parser().parse_args(argv)
    args.line = shlex.join(["python", "-m", "skae", *argv])  # for who wants it again
    try:
        args.command(args)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print(f"skae: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m skae", description="Autoencoders for scikit-learn."
    )
    parser.add_argument("--version", action="version", version=f"skae {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_compare(commands)
    return parser


def _add_compare(commands):
    parser = commands.add_parser(
        "compare",
        help="compare autoencoders with PCA and its relatives",
        description="Compare autoencoders with PCA, KernelPCA, Isomap and LLE on rows "
        "held out: print a table and draw the embeddings and reconstructions.",
    )
    parser.set_defaults(command=_compare)
    parser.add_argument(
        "--data",
        default="digits",
        metavar="NAME|FILE",
        help="digits (the default), swiss_roll, s_curve, mnist, or a file: .csv, "
        ".parquet, .npy, or .npz with an array X and, if there is a target, y",
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        help="column of a table that is no feature: labels, or numbers to colour by",
    )
    parser.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="give every feature unit variance first, and measure on that; on for "
        "tables, whose columns have different units, off for arrays",
    )
    parser.add_argument(
        "--components",
        type=_positive,
        default=2,
        metavar="N",
        help="size of the code (default: 2)",
    )
    parser.add_argument(
        "--max-rows",
        type=_positive,
        default=2000,
        metavar="N",
        help="most rows to fit KernelPCA, Isomap and LLE on, and to hold out "
        "(default: 2000)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="random seed (default: 0)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("compare.png"),
        metavar="FILE",
        help="where to write the picture (default: compare.png)",
    )

    parser.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write a report as well: one .html file with the table, the pictures, the "
        "parameters, and what it takes to repeat it",
    )


def _positive(text):
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


def _compare(args):
    # Imported here: the help must not wait for scikit-learn.
    from skae.inspection._datasets import load_dataset
    from skae.inspection._report import print_report

    _check_output(args.output)  # before the work, not after it
    if args.html is not None:
        _check_report(args.html)
    dataset = load_dataset(args.data, target=args.target, random_state=args.seed)
    display = _display(dataset, args)
    print_report(display, name=args.data)
    _save_picture(display, args.output)
    print(f"Picture: {args.output}")
    if args.html is not None:
        display.to_html(args.html, name=Path(args.data).name, command=args.line)
        print(f"Report: {args.html}")


def _check_output(path):
    canvas = import_optional("matplotlib.backend_bases", extra="inspection")
    known = canvas.FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in known:
        raise ValueError(
            f"{path} has no extension of a picture: {', '.join(sorted(known))}"
        )
    _check_folder(path)


def _check_report(path):
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(f"{path} has no extension of a report: .html, .htm")
    _check_folder(path)


def _check_folder(path):
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path} to")


def _display(dataset, args):
    from sklearn.exceptions import FitFailedWarning
    from sklearn.preprocessing import StandardScaler

    from skae.inspection._compare import run_comparison
    from skae.inspection._displays.comparison import ComparisonDisplay

    standardize = args.standardize
    if standardize is None:
        standardize = hasattr(dataset.X, "columns")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)  # the report says it
        comparison = run_comparison(
            None,
            dataset.X,
            dataset.y,
            n_components=args.components,
            preprocessing=StandardScaler() if standardize else None,
            intrinsic_coordinates=dataset.intrinsic_coordinates,
            test_size=0.25,
            n_neighbors=5,
            max_rows=args.max_rows,
            random_state=args.seed,
            verbose=find_spec("rich") is not None,
            image_shape=dataset.image_shape,
        )
    return ComparisonDisplay(**comparison)


def _save_picture(display, path):
    # Not a pyplot figure: that would choose a backend for the whole process.
    figures = import_optional("matplotlib.figure", extra="inspection")
    figure = figures.Figure(figsize=display.figure_size(), layout="constrained")
    display.plot(figure)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.2)
