"""Table of the share of each architecture's weights that every method changes.

It shows that the method runs there, and how much of the network it takes as a stage.
"""

import json
from typing import Any

from benchmarks import RESULTS
from benchmarks.architectures import METHODS
from oro_unlearn.compare.searches import ENTRIES
from oro_unlearn.report.tables import markdown_table


def architectures_table(name: str) -> str:
    """Methods by architectures: share of the weights that changed, in percent.

    Args:
        name: Of the file of results.
    """
    result = json.loads((RESULTS / f"{name}.json").read_text())
    cells = {label: result["cells"][network] for network, label in result["networks"].items() if network in result["cells"]}
    rows = [["changed weights, %", *cells]]
    for entry in ENTRIES.values():
        if entry.label == METHODS.get(entry.preset):  # the row of each preset
            rows.append([entry.label, *(_share(row.get(entry.preset)) for row in cells.values())])
    return markdown_table(rows)


def _share(record: dict[str, Any] | None) -> str:
    if record is None:
        return "–"
    if "failed" in record:
        return "failed"
    return "< 0.1" if record["changed"] < 5e-4 else f"{100 * record['changed']:.1f}"
