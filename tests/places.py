"""Where the project and what lies beside it are."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
# Absent from most machines: tests that need it skip and say so.
SHARED = ROOT.parent / "shared"
