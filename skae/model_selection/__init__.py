"""Searches that train many candidates at once."""

from skae.model_selection._search import AutoencoderSearchCV

__all__ = ["AutoencoderSearchCV"]
