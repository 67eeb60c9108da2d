"""Products are built, compared with what is kept, and moved to their places as a whole."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module

# nbformat imports jsonschema, and this compiles a grammar of international addresses where it finds
# one: three seconds at each start, for a check that no field of a notebook asks for.
_GRAMMAR = "rfc3987_syntax"
if _GRAMMAR not in sys.modules:
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    with suppress(ImportError):
        import_module("jsonschema")
    del sys.modules[_GRAMMAR]
