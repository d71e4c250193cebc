"""Write the tables and figures of README and docs from benchmarks/results. No number in them is typed by hand.

    make tables        (or: python -m benchmarks.tables)

The table of a name is written between ``<!-- NAME -->`` and ``<!-- end -->`` of a page. Spreads are standard deviations: first
over classes (of the means over seeds), then over seeds (within a class, averaged over classes). A dash means that there is only
one class or seed.
"""

import argparse
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import RESULTS
from benchmarks.architecture_tables import architectures_table
from benchmarks.audit_calibration import calibration_table
from benchmarks.class_red_team import class_table
from benchmarks.closed_form import CLOSED_FORM_TABLES
from benchmarks.epsilon_calibration import epsilon_table
from benchmarks.full_size_memory import full_size_table
from benchmarks.graphs.tables import GRAPH_TABLES
from benchmarks.ledger_requests import requests_table, tampered_table
from benchmarks.neuron_paths import paths_table
from benchmarks.persona_memory import memory_table
from benchmarks.persona_tables import PERSONA_TABLES
from benchmarks.readme_tables import README_TABLES
from benchmarks.relation_red_team import attacks_table, red_team_table
from benchmarks.relation_tables import RELATION_TABLES
from benchmarks.reliability_tables import RELIABILITY_TABLES
from benchmarks.removal_curve import curve_table
from benchmarks.speed_tables import SPEED_TABLES
from benchmarks.suggestion_size import size_table
from benchmarks.suggestions import calibration_rows, suggestions_table
from benchmarks.summary import summary_table
from benchmarks.verification.table import VERIFICATION_TABLES
from benchmarks.verification_calibration import verification_table
from oro_unlearn.compare.sources import said
from oro_unlearn.compare.tables import COMPARISONS
from oro_unlearn.report.tables import markdown_table

PAGES = (
    "README.md",
    "docs/audit.md",
    "docs/class_unlearning.md",
    "docs/findings.md",
    "docs/graph_networks.md",
    "docs/ledger.md",
    "docs/mllm.md",
    "docs/neuron_paths.md",
    *sorted(map(str, Path("docs/findings").glob("*.md"))),
    "docs/relational_unlearning.md",
    "docs/relational_results.md",
    "docs/scenes.md",
    "docs/performance.md",
    "docs/reliability.md",
    "docs/suggestions.md",
    "docs/verification.md",
    "docs/vision_language_models.md",
)

RED_TEAM = (  # of all relational presets
    "relation_red_team",
    "relation_red_team_removal",
    "relation_red_team_closed_form",
    "relation_red_team_neuron_path",
)


def load(name: str) -> dict[str, Any]:
    """Results of one benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def provenance(name: str) -> str:
    """Command, hardware, versions and sources in a line."""
    result = load(name)
    versions = ", ".join(f"{package} {number}" for package, number in result["versions"].items())
    place = result["hardware"]
    return f"`{result['command']}` on {place['cores']} cores of {place['cpu']} ({place['device']}); {versions}; {said(result)}."


def compared(kind: str, name: str) -> str:
    """A table of a comparison of many methods."""
    return markdown_table(COMPARISONS[kind](load(f"compare_{name}")))


def calibration(name: str) -> str:
    """How often each line of a verdict is right."""
    return markdown_table(calibration_table(load(name)))


def residue_found(name: str) -> str:
    """How often the test beside verification models finds residue."""
    return markdown_table(verification_table(load(name)))


def epsilon_bounds(name: str) -> str:
    """The lower bound on epsilon beside the true epsilon of known mechanisms."""
    return markdown_table(epsilon_table(load(name)))


def requests(name: str) -> str:
    """Requests that were made one after another through ledgers."""
    return markdown_table(requests_table(load(name)))


def tampered(name: str) -> str:
    """How many tampered copies of a ledger were found."""
    return markdown_table(tampered_table(load(name)))


def closed_form(what: str) -> str:
    """Edits in closed form: their ``sequence``, their use as a ``start``, or their ``cost``."""
    return markdown_table(CLOSED_FORM_TABLES[what](load("closed_form")))


def red_team(name: str) -> str:
    """A searching attacker against every relational preset."""
    return markdown_table(red_team_table(red_team_results(name)))


def red_team_attacks(name: str) -> str:
    """R@5 after every attack on what is forgotten."""
    return markdown_table(attacks_table(red_team_results(name)))


def neuron_path_edits(name: str) -> str:
    """An edit of neuron paths beside its parts and random neurons."""
    return markdown_table(paths_table(load(name)))


def red_team_results(name: str) -> dict[str, Any]:
    """Results of the relational red team: one file, or the ``presets``, which are in several."""
    return {"runs": [run for part in (RED_TEAM if name == "presets" else (name,)) for run in load(part)["runs"]]}


def personas(what: str) -> str:
    """People who were forgotten by multimodal models: what is ``forgotten``, ``kept`` and ``recovered``, and its ``cost``."""
    return markdown_table(PERSONA_TABLES[what](load("personas")))


def persona_memory(name: str) -> str:
    """Peak memory of methods that forget people."""
    return markdown_table(memory_table(load(name)))


def full_size_memory(name: str) -> str:
    """Estimated memory of training a full-size multimodal model."""
    return markdown_table(full_size_table(load(name)))


def suggestion_size(name: str) -> str:
    """Time and memory of suggestions for a large graph."""
    return markdown_table(size_table(load(name)))


def class_red_team(name: str) -> str:
    """The red team against edited classifiers of digits."""
    return markdown_table(class_table(load(name)))


def removal(name: str) -> str:
    """What removal costs, as its keep term is weighted."""
    return markdown_table(curve_table(load(name)))


def graphs(kind: str, name: str) -> str:
    """A table of graph networks."""
    return markdown_table(GRAPH_TABLES[kind](load(name)))


def suggested(name: str) -> str:
    """How well rankings find the unsafe tuples that were not marked."""
    return markdown_table(suggestions_table(load(name)))


def suggested_risks(name: str) -> str:
    """How well the risks of suggestions are calibrated."""
    return markdown_table(calibration_rows(load(name)))


TABLES = {
    "shares": architectures_table,
    "calibration": calibration,
    "closed_form": closed_form,
    "class_red_team": class_red_team,
    "full_size_memory": full_size_memory,
    "persona_memory": persona_memory,
    "suggestion_size": suggestion_size,
    "personas": personas,
    "residue_found": residue_found,
    "epsilon_bounds": epsilon_bounds,
    "ledger_places": requests,
    "neuron_path_edits": neuron_path_edits,
    "ledger_tampered": tampered,
    "red_team": red_team,
    "red_team_attacks": red_team_attacks,
    "provenance": provenance,
    "removal": removal,
    "suggested": suggested,
    "suggested_risks": suggested_risks,
    "summary": summary_table,
    **README_TABLES,
    **RELATION_TABLES,
    **SPEED_TABLES,
    **RELIABILITY_TABLES,
    **VERIFICATION_TABLES,
    **{kind: partial(graphs, kind) for kind in GRAPH_TABLES},
    **{f"compared_{kind}": partial(compared, kind) for kind in COMPARISONS},
}


def filled(text: str) -> str:
    """A page with its tables."""

    def fill(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        return f"<!-- {kind} {name} -->\n{TABLES[kind](name)}\n<!-- end -->"

    return re.sub(r"<!-- (\w+) (\w+) -->.*?<!-- end -->", fill, text, flags=re.DOTALL)


def main(args: Sequence[str] | None = None) -> None:
    """Fill every page."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(args)
    for page in map(Path, PAGES):
        page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
