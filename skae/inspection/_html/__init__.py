"""A comparison as one HTML file that needs nothing beside itself."""

from skae.inspection._html.page import report

__all__ = ["report"]
