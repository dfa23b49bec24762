"""Sphinx's settings."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "county_gov"
author = "The county_gov contributors"
copyright = "the county_gov contributors, Apache-2.0"
release = installed_version("county-gov")
version = ".".join(release.split(".")[:2])
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "county_gov"
html_static_path = ["_static"]
# Pages load nothing from elsewhere, as the product does not.
html_theme_options = {"navigation_with_keys": True}
