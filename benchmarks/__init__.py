"""Published tables and speed claims: one short script for each, with its results beside it."""

from pathlib import Path

RESULTS = Path("benchmarks/results")
