"""Compare every method, loss, metric and attack with its source: transcribed equations or a well-maintained library.

    python -m benchmarks.verify

Takes seconds. Writes benchmarks/results/verify.json, from which ``make tables`` fills docs/verification.md.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.verification import (
    attacks,
    edited,
    features,
    graphs,
    measures,
    neuron_paths,
    personas,
    relation_measures,
    relations,
    reweighting,
    trained,
)
from benchmarks.verification.rows import Row
from benchmarks.verification.table import RESULTS
from oro_unlearn.compare.sources import record

PARTS: dict[str, tuple[Callable[[], list[Row]], ...]] = {  # tables of the page
    "classes": (trained.rows, reweighting.rows, edited.rows),
    "relations": (relations.rows, neuron_paths.rows, relation_measures.rows),
    "people": (personas.rows,),
    "graphs": (graphs.rows,),
    "measures": (measures.rows, attacks.rows, features.rows),
}


def verified() -> dict[str, list[Row]]:
    """All rows, by table."""
    return {name: [row for make in makers for row in make()] for name, makers in PARTS.items()}


def failed(rows: dict[str, list[Row]]) -> list[Row]:
    """Rows beyond their bounds."""
    return [row for part in rows.values() for row in part if not row.difference <= row.bound]  # also NaN


def main(args: Sequence[str] | None = None) -> None:
    """Compare, write and print; fails where a row is beyond its bound."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    import torch

    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import hardware, versions

    torch.set_num_threads(1)
    found = verified()
    result: dict[str, Any] = {"command": "python -m benchmarks.verify", **record(__file__)}
    result |= {"versions": versions(), "hardware": hardware("cpu")}
    for rows in found.values():
        for row in rows:
            print(f"{row.name}: {row.difference:.1e} (at most {row.bound:.0e})")
    wrong = failed(found)
    if wrong:
        sys.exit(f"not verified: {', '.join(row.name for row in wrong)}")
    parts = {
        name: [row._asdict() | {"difference": float(f"{row.difference:.1e}")} for row in rows] for name, rows in found.items()
    }
    write_json(result | {"parts": parts}, RESULTS / "verify.json")


if __name__ == "__main__":
    main()
