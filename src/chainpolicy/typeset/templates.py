"""Jinja2 templates of HTML pages that lie beside the code that fills them."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def templates(package: str, *, escaped: bool) -> Environment:
    """Find the templates of a package; a name that they miss is an error.

    Parameters
    ----------
    escaped : bool
        Whether values are text, whose signs mean nothing in HTML, unless a template says otherwise.
    """
    return Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        autoescape=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
