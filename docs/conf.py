"""How Sphinx builds the documentation: `tox -e docs`."""

from importlib.metadata import version as version_of

project = "typedxp"
author = "the typedxp developers"
version = release = version_of("typedxp")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "typedxp"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
