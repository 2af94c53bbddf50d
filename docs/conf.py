"""Sphinx reads this to build the site: `python -m sphinx -W docs build/site`, which fetches nothing."""

import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import npseq  # noqa: E402  the checkout's own, because of the line above

project = "npseq"
author = "the authors of npseq"
version = release = npseq.__version__
html_title = f"npseq {version}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "plain_docstrings",
    "signatures",
    "source_links",
    "outside_links",
    "api_pages",
    "gallery_pages",
    "lag_explorer",
    "notebooks",
    "playground",
]
exclude_patterns = ["_ext", "README.md"]

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4

mathjax_carrier = find_spec("sphinx-mathjax-offline")
if mathjax_carrier is None or not mathjax_carrier.submodule_search_locations:
    raise ModuleNotFoundError("the site needs MathJax on disk: pip install -e '.[docs]'")
mathjax = Path(mathjax_carrier.submodule_search_locations[0]) / "static" / "mathjax" / "tex-svg.js"
mathjax_path = mathjax.name

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "inherited-members": "tuple,dict,Mapping,BaseException",
}
autoclass_content = "both"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
toc_object_entries_show_parents = "hide"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 100

intersphinx_mapping = {
    "python": ("https://docs.python.org/3", str(HERE / "inventories" / "python.inv")),
    "numpy": ("https://numpy.org/doc/stable", str(HERE / "inventories" / "numpy.inv")),
}
# Every type that a signature or docstring names leads somewhere, but for those that npseq has for itself.
nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*"), ("py:(class|exc)", r"npseq\..*")]

html_theme = "furo"
pygments_dark_style = "github-dark"  # the default underlines names, as if they were links
html_static_path = ["_static", str(mathjax)]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
