"""A progress bar over the methods of a comparison."""

from skae._optional import import_optional


def track(names, *, verbose):
    """Yield the names one by one, with a bar on the terminal that tells which.

    Parameters
    ----------
    names : iterable of str
        What is worked on while it is yielded.

    verbose : bool
        Whether to show the bar; it goes to standard error, if that is a terminal.

    Yields
    ------
    str
        The names.

    Raises
    ------
    ImportError
        If a bar is wanted and rich is not installed.
    """
    if not verbose:
        yield from names
        return
    names = list(names)
    with _bar() as bar:
        task = bar.add_task("", total=len(names))
        for name in names:
            bar.update(task, description=name, refresh=True)
            yield name
            bar.advance(task)


def _bar():
    progress = import_optional("rich.progress", extra="inspection")
    console = import_optional("rich.console", extra="inspection").Console(stderr=True)
    return progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
