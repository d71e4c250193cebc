"""Published tables and speed claims: one short script each, results beside them."""

from pathlib import Path

RESULTS = Path("benchmarks/results")
