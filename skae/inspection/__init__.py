"""Look at autoencoders, and at what they are worth beside PCA and its relatives."""

from importlib import import_module

_MODULES = {
    "ComparisonDisplay": "_displays.comparison",
    "DictionaryDisplay": "_displays.dictionary",
    "EmbeddingDisplay": "_displays.embedding",
    "ExplainedDevianceDisplay": "_displays.deviance",
    "LatentGridDisplay": "_displays.grid",
    "LatentTraversalDisplay": "_displays.traversal",
    "LossCurveDisplay": "_displays.loss_curve",
    "ReconstructionDisplay": "_displays.reconstruction",
    "ReconstructionErrorDisplay": "_displays.error",
    "SamplesDisplay": "_displays.samples",
    "compare": "_compare",
    "plot_embeddings": "_plot_embeddings",
    "plot_reconstructions": "_plot_reconstructions",
}

__all__ = [
    "ComparisonDisplay",
    "DictionaryDisplay",
    "EmbeddingDisplay",
    "ExplainedDevianceDisplay",
    "LatentGridDisplay",
    "LatentTraversalDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
    "ReconstructionErrorDisplay",
    "SamplesDisplay",
    "compare",
    "plot_embeddings",
    "plot_reconstructions",
]


def __getattr__(name):
    # Lazy, so that `python -m skae --help` answers before scikit-learn is imported.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__():
    return sorted(__all__)
