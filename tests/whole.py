"""Whether a folder of results is the whole of one run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def not_whole(directory: Path) -> list[str]:
    """Say why a folder does not hold what its manifest describes; empty if it does."""
    manifest = directory / "manifest.json"
    if not manifest.is_file():
        return ["manifest.json: missing, so that a run was cut short"]
    files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return [
        f"{name}: {'not that of the manifest' if (directory / name).is_file() else 'missing'}"
        for name, expected in files.items()
        if not (directory / name).is_file() or _digest(directory / name) != expected
    ]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
