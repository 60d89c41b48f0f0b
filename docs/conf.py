"""How the pages become a site: `make docs`."""

project = "Korean market data"
author = "the maintainers"
project_copyright = author
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
html_theme_options = {"source_directory": "docs/"}
exclude_patterns = ["conf.py", "notebooks/*"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
# Pages also link to files of the project that are no pages; tests/unit/test_doc_links.py checks every one of them.
suppress_warnings = ["myst.xref_missing", "myst.header", "misc.highlighting_failure"]
