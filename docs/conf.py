"""The documentation as a site: `make docs-site`.

The pages are those of the repository and stay good to read there. So the site has the repository's
layout, with its root as the source, and a relative link leads to the same place in both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Thalweg"
root_doc = "docs/index"
include_patterns = ["docs/**", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = [".*", "build", "dist", "**/__pycache__"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
suppress_warnings = ["misc.highlighting_failure"]  # … in code stands for what is left out

myst_heading_anchors = 4

default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has the types
python_maximum_signature_line_length = 90

html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_title = "Thalweg"
html_copy_source = False
html_show_copyright = False


def with_sidebar(_app: Sphinx, name: str, source: list[str]) -> None:
    """The sections of an index are parts of the sidebar, and the pages they link are below."""
    if name.endswith("/index"):
        for title, text in re.findall(r"^##? (.+?)\n(.*?)(?=^## |\Z)", source[0], re.M | re.S):
            links = re.findall(r"\[([^]]+)\]\(([^):#]+)\.md\)", text)
            pages = "\n".join(f"{words} <{page}>" for words, page in links)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{pages}\n```\n"


def with_front_door(app: Sphinx, _error: Exception | None) -> None:
    """Who opens the site's root is led to the index."""
    door = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
    (Path(app.outdir) / "index.html").write_text(door)


def setup(app: Sphinx) -> None:
    """What Sphinx calls when it has read this file."""
    app.connect("source-read", with_sidebar)
    app.connect("build-finished", with_front_door)
