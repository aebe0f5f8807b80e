"""Sphinx's settings. `make docs` builds the pages, and a warning is an error."""

from __future__ import annotations

from sphinx.application import Sphinx

import churnlib

project = "churnlib"
author = "churnlib developers"
copyright = "churnlib developers, BSD-3-Clause"
version = release = churnlib.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "gallery/*.ipynb", "gallery/*.py", "gallery/*.zip", "gallery/*.json"]
templates_path = ["_templates"]
nitpicky = False

# A name in single backticks in a docstring is code.
default_role = "literal"

# `EventLog` is documented as churnlib.events.EventLog; the page's own title says where it is found.
add_module_names = False
autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"  # the numpydoc type line says it, with shape and unit
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("matplotlib",),
    "write_computation_times": False,
    "remove_config_comments": True,
    "min_reported_time": 60,
}

html_theme = "pydata_sphinx_theme"
html_title = "churnlib"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}


def _skip(app: object, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:  # noqa: ARG001, FBT001
    """Leave out what scikit-learn's metadata routing adds to every class; its words link into scikit-learn's pages."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Sphinx) -> None:
    """Connect the hooks."""
    app.connect("autodoc-skip-member", _skip)
