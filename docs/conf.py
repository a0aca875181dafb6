"""Sphinx reads this."""

import os
import sys
from pathlib import Path

import skae

os.environ.setdefault("SKAE_DOCS", "..")  # as seen from the pages of the gallery
sys.path.insert(0, str(Path(__file__).parent))

project = "skae"
author = "The skae developers"
copyright = f"2026, {author}"
release = skae.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples"]
default_role = "obj"
rst_prolog = ".. currentmodule:: skae\n"  # `Autoencoder` leads to skae.Autoencoder
nitpicky = True  # names of skae's own must lead somewhere; others may stand as they are
nitpick_ignore_regex = [
    ("py:.*", r"(?!skae\.)(?!\w*Autoencoder).*"),
    ("py:.*", r"skae\..*\._.*"),  # private, in signatures
]

smartquotes = False  # `default="gelu"` is to be found, and copied, as it is written
toc_object_entries_show_parents = "hide"  # a page's list of methods has room for names

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
PAGES = (
    "benchmarks",
    "changelog",
    "contributing",
    "installation",
    "promises",
    "write_your_own",
)
html_sidebars = {page: [] for page in PAGES}  # which have no sections beside them
html_title = f"skae {version}"
html_show_sourcelink = False

doctest_test_doctest_blocks = ""  # pytest runs those in docstrings

numpydoc_show_class_members = False  # the template of a class lists its methods

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "doc_module": ("skae",),
    "backreferences_dir": "generated/backreferences",
    "reference_url": {"skae": None},
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "within_subsection_order": "gallery_order.AsInHeader",
}


ROUTING = "https://scikit-learn.org/stable/metadata_routing.html"
ELSEWHERE = {
    ":ref:`User Guide <metadata_routing>`": f"`User Guide <{ROUTING}>`__",
    ":term:`meta-estimator`": "meta-estimator",
    ".. versionadded:: 1.3": "",
}
"""What docstrings of scikit-learn's methods lead to, and these pages do not have."""


def setup(app):
    """Draw the pictures before anything is read."""

    def draw(app):
        from pictures import draw

        draw(Path(app.srcdir) / "generated" / "pictures")

    def lead_elsewhere(app, what, name, obj, options, lines):
        for here, elsewhere in ELSEWHERE.items():
            lines[:] = [line.replace(here, elsewhere) for line in lines]

    app.connect("builder-inited", draw)
    app.connect("autodoc-process-docstring", lead_elsewhere)
