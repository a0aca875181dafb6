"""Look at autoencoders, and at what they are worth beside PCA and its relatives."""

from importlib import import_module

_MODULES = {
    "ComparisonDisplay": "_display",
    "compare": "_compare",
    "plot_embeddings": "_plot_embeddings",
    "plot_reconstructions": "_plot_reconstructions",
}

__all__ = ["ComparisonDisplay", "compare", "plot_embeddings", "plot_reconstructions"]


def __getattr__(name):
    # Lazy, so that `python -m skae --help` answers before scikit-learn is imported.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__():
    return sorted(__all__)
