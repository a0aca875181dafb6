"""Where the documentation of an estimator is, for its HTML representation."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

_VARIABLE = "SKAE_DOCS"


class DocumentationLinkMixin:
    """Links of scikit-learn's HTML representation into this package's documentation.

    They lead to where the environment variable `SKAE_DOCS` says that it is, or else to
    the address that the metadata of the installed package name. Where neither does,
    there are no links.
    """

    _doc_link_module = "skae"

    _documented_in = "skae"
    """The module under whose name the documentation has the class."""

    @property
    def _doc_link_template(self):
        root = os.environ.get(_VARIABLE) or published()
        return f"{root.rstrip('/')}/generated/{{name}}.html" if root else ""

    def _doc_link_url_param_generator(self):
        return {"name": f"{self._documented_in}.{type(self).__name__}"}


@cache
def published(package="skae"):
    """Address of a package's documentation, as its metadata tell, or nothing."""
    try:
        urls = metadata(package).get_all("Project-URL") or []
    except PackageNotFoundError:  # run from its sources
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "")
