"""The table of all comparisons with their sources."""

import json
from pathlib import Path

from benchmarks.verification.rows import BOUND
from oro_unlearn.report.tables import markdown_table

RESULTS = Path("benchmarks/results")


def verified_table(part: str) -> str:
    """One row a comparison.

    Args:
        part: ``classes``, ``relations``, ``people``, ``graphs`` or ``measures``.
    """
    rows = [["what", "reference", "what is compared", "largest difference"]]
    for row in json.loads((RESULTS / "verify.json").read_text())["parts"][part]:
        compared = row["compared"]
        if row["bound"] != BOUND:
            compared += f" (bound {row['bound']:.0e}: {row['reason']})"
        rows.append([row["name"], row["reference"], compared, shown(row["difference"])])
    return markdown_table(rows)


def shown(value: float) -> str:
    """Two digits; 0 where nothing differs."""
    return f"{value:.1e}" if value else "0"


VERIFICATION_TABLES = {"verified": verified_table}
