"""Write the tables and figures of README and docs from benchmarks/results. No number in them is typed by hand.

    make tables        (or: python -m benchmarks.tables)

The table of a name is written between ``<!-- NAME -->`` and ``<!-- end -->`` of a page. Spreads are standard deviations: first
over classes (of the means over seeds), then over seeds (within a class, averaged over classes). A dash means that there is only
one class or seed.
"""

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isnan, nan
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks import RESULTS
from benchmarks.architecture_tables import architectures_table
from benchmarks.audit_calibration import calibration_table
from benchmarks.readme_tables import README_TABLES
from benchmarks.relation_tables import RELATION_TABLES
from benchmarks.reliability_tables import RELIABILITY_TABLES
from benchmarks.speed_tables import SPEED_TABLES
from benchmarks.summary import summary_table
from benchmarks.verification.table import VERIFICATION_TABLES
from oro_unlearn.compare.sources import said
from oro_unlearn.compare.spreads import Figure, cell, marked
from oro_unlearn.compare.tables import COMPARISONS
from oro_unlearn.report.tables import markdown_table

PAGES = (
    "README.md",
    "docs/class_unlearning.md",
    "docs/findings.md",
    *sorted(map(str, Path("docs/findings").glob("*.md"))),
    "docs/relational_unlearning.md",
    "docs/relational_results.md",
    "docs/scenes.md",
    "docs/performance.md",
    "docs/reliability.md",
    "docs/verification.md",
)
LABELS = {"logit_mask": "LogitMask (free control)", "rwft_o": "RWFT-O", "rwft_2_o": "RWFT-2-O", "rw_a": "RW-A"}


def load(name: str) -> dict[str, Any]:
    """Results of one benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def unlearned(key: str, role: str = "unlearned") -> Figure:
    """A figure of one model."""
    return lambda run: run["metrics"][role]["mean"][key] if role == "retrained" else run["metrics"][role].get(key)


def gap(key: str, role: str = "unlearned") -> Figure:
    """Distance to the retrained models' mean, with its sign."""
    return lambda run: _minus(unlearned(key, role)(run), run["metrics"]["retrained"]["mean"][key])


def over_floor(phase: str, role: str = "unlearned") -> Figure:
    """UTV as a multiple of the distance between retrained models."""
    return lambda run: _over(unlearned(f"{phase}/utv", role)(run), run["metrics"]["unlearned"][f"{phase}/utv_floor"])


def main_table(name: str) -> str:
    """One row a model."""
    runs = load(name)["runs"]
    methods = list(dict.fromkeys(run["label"] for run in runs))
    first = [run for run in runs if run["label"] == methods[0]]
    header = ["model", "ACC_f %", "ACC_r %", "ACC_r − retrained", "MIA % (attack's own accuracy %)", "MIA-NN member rate %"]
    rows = [[*header, "UTV × floor, test", "UTV × floor, train", "seconds"]]
    for role in ("original", "retrained"):
        rows.append([f"{role} (mean)" if role == "retrained" else role, *_cells(first, role), ""])
    for method in methods:
        own = [run for run in runs if run["label"] == method]
        rows.append([LABELS[method], *_cells(own, "unlearned"), f"{mean(run['seconds'] for run in own):.1f}"])
    return markdown_table(rows)


def _cells(runs: Sequence[dict[str, Any]], role: str) -> list[str]:
    def filled_cell(make: Callable[[str, str], Figure], key: str, percent: bool = True) -> str:
        seeds = (lambda run: run["metrics"]["retrained"].get("std", {}).get(key)) if role == "retrained" else None
        fewer = [run for run in runs if role == "retrained" and key in run["metrics"]["retrained"].get("defined", {})]
        mark = f" (in {len(fewer)} of {len(runs)} runs of fewer models)" if fewer else ""
        return cell(runs, make(key, role), percent, seeds) + mark

    utv = [cell(runs, over_floor(phase, role), percent=False) if role != "retrained" else "1" for phase in ("test", "train")]
    attack = filled_cell(unlearned, "train/mia_attack_balanced_accuracy")
    return [
        filled_cell(unlearned, "test/acc_f"),
        filled_cell(unlearned, "test/acc_r"),
        filled_cell(gap, "test/acc_r") if role != "retrained" else "0",
        f"{filled_cell(unlearned, 'train/mia')} ({attack})",
        filled_cell(unlearned, "test/nn_member_rate"),
        *utv,
    ]


def distances(name: str, method: str, phase: str) -> list[tuple[dict[str, Any], float]]:
    r"""How much further from the floor a method is than the free mask, \|UTV / floor - 1\| minus the mask's, run by run.

    Both have the same original and the same retrained models. Below the floor counts as far as above it.
    """
    runs, figure = load(name)["runs"], over_floor(phase)
    masks = {(tuple(run["forget"]), run["seed"]): run for run in runs if run["label"] == "logit_mask"}

    def distance(run: dict[str, Any]) -> float:
        value = figure(run)
        return nan if value is None else abs(value - 1)

    own = [run for run in runs if run["label"] == method]
    return [(run, distance(run) - distance(masks[tuple(run["forget"]), run["seed"]])) for run in own]


def found_of(found: Mapping[int, float], run: Any) -> float:
    """The value of one run, of those by identity."""
    return found[id(run)]


def against_the_mask(name: str) -> str:
    """Every method's distance from the floor minus the mask's, and the verdict."""
    from scipy.stats import wilcoxon

    rows = [
        [
            "further from the floor than the mask",
            "split",
            "mean ± over classes ± over seeds",
            "closer in classes",
            "Wilcoxon p",
            "verdict",
        ]
    ]
    for method in [label for label in LABELS if label != "logit_mask"]:
        for phase in ("test", "train"):
            every = distances(name, method, phase)
            cells = [(run, value) for run, value in every if not isnan(value)]
            found = {id(run): value for run, value in cells}
            text = cell([run for run, _ in cells], partial(found_of, found), percent=False)
            text = marked(text, len(cells), len(every))
            labels = sorted({tuple(run["forget"]) for run, _ in cells})
            means = [mean(value for run, value in cells if tuple(run["forget"]) == label) for label in labels]
            p = float(wilcoxon(means).pvalue)
            beats = mean(means) < -stdev(means) and p < 0.05
            verdict = "beats the mask beyond its spread" if beats else "does not beat the mask beyond its spread"
            closer = f"{sum(value < 0 for value in means)} of {len(means)}"
            rows.append([LABELS[method], phase, text, closer, f"{p:.3f}", verdict])
    return markdown_table(rows)


def redirection_table(name: str) -> str:
    """Where the forgotten class's test images go, by model: the paper's Figures 1 and 3 as numbers."""
    runs = load(name)["runs"]
    first = runs[0]
    order = sorted(first["redirection"]["retrained"], key=lambda label: -first["redirection"]["retrained"][label])[:6]
    rows = [["test images of " + ", ".join(first["forget"]) + " taken for, %", *order]]
    shares = {"original": first["redirection"]["original"], "retrained (mean)": first["redirection"]["retrained"]}
    shares |= {LABELS[run["label"]]: run["redirection"]["unlearned"] for run in runs if run["seed"] == first["seed"]}
    rows += [[role, *(f"{100 * values[label]:.1f}" for label in order)] for role, values in shares.items()]
    return markdown_table(rows)


def tuning_table(name: str) -> str:
    """Scores of the grid on held-out training images."""
    scores = load(name)["scores"]
    rates = list(dict.fromkeys(rate for row in scores.values() for rate in row))
    rows = [["learning rate", *rates]]
    for method, row in scores.items():
        best = min(row, key=lambda rate: row[rate])
        cells = [f"{row[rate]:.4f}" if rate in row else "diverged" for rate in rates]
        rows.append(
            [LABELS[method], *(f"**{text}**" if rate == best else text for rate, text in zip(rates, cells, strict=True))]
        )
    return markdown_table(rows)


def startup_table(name: str) -> str:
    """CPU seconds of whole processes."""
    result = load(name)
    rows = [["command", "CPU seconds, median", "over importing lightning"]]
    rows += [
        [f"`{command}`", f"{value:.2f}", f"{result['over_lightning'][command]:.2f}"]
        for command, value in result["median"].items()
    ]
    return markdown_table(rows)


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


TABLES = {
    "table": main_table,
    "mask": against_the_mask,
    "redirection": redirection_table,
    "tuning": tuning_table,
    "startup": startup_table,
    "shares": architectures_table,
    "calibration": calibration,
    "provenance": provenance,
    "summary": summary_table,
    **README_TABLES,
    **RELATION_TABLES,
    **SPEED_TABLES,
    **RELIABILITY_TABLES,
    **VERIFICATION_TABLES,
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


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _over(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


if __name__ == "__main__":
    main()
