"""Optional packages: imported where they are used, named when they are missing."""

from importlib import import_module


def import_optional(module, *, extra):
    """Import a module that only an extra of skae installs.

    Parameters
    ----------
    module : str
        Dotted name of the module.

    extra : str
        The extra of skae that brings it.

    Returns
    -------
    module
        The imported module, the submodule for a dotted name.

    Raises
    ------
    ImportError
        If the module's package is not installed; the message says how to get it.
    """
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise  # the package is there and lacks something of its own
        raise ImportError(
            f'{package} is needed here: pip install "skae[{extra}]"', name=package
        ) from error
