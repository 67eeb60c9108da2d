"""The statements of a source, in which imports stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def statements(inside: ast.AST) -> Iterator[ast.stmt]:
    """All statements, those in others too; what they are made of would take most of the time."""
    for node in ast.iter_child_nodes(inside):
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            yield from statements(node)
