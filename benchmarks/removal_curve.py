"""The price of removal: how well searched captions still work, against what neighbours lose, as the keep term is weighted.

    python -m benchmarks.removal_curve --keep 10 30 100

Every run removes "child eating hamburger", the tuple on which the preset was tuned, and measures on pictures drawn with another
seed. The attacker is that of ``--audit.attacks full``. The rows of the shield and of the original are for comparison. Finished
runs are reused. Writes benchmarks/results/removal_curve.json.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.relations import CONFIGS, TUNED, WORLD
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json
from oro_unlearn.report.tables import number

ROOT, RESULT = Path("runs/benchmarks/removal_curve"), Path("benchmarks/results/removal_curve.json")
SHIELD = "shield"
COLUMNS = {  # figures of the report
    "search/auc": "searched AUC",
    "search/excess_r5": "searched R@5 above the foil's",
    "probe_picture/auc": "probe of pictures, AUC",
    "direct/r5": "plain R@5",
    "paraphrase/worst_r5": "worst paraphrase R@5",
    "unlisted_neighbour/absolute_drift": "unlisted, mean drift",
    "unlisted_neighbour/worst_drift": "unlisted, worst drift",
    "unlisted_neighbour/r1": "unlisted, R@1",
    "listed_edge/r1": "listed, R@1",
    "retrieval/i2t_r1": "all, i2t R@1",
    "zero_shot/accuracy": "zero-shot",
    "relation_swap/accuracy": "relation swap",
}


def jobs(keep: Sequence[float], attacks: str) -> dict[str, Job]:
    """One run for each weight, and one of the shield, by row.

    Args:
        keep: Weights of the keep term.
        attacks: Strength of the attacks.
    """
    fixed = ["--data.forget", TUNED, "--data.holdout", "true", "--data.seed", "20", "--audit.attacks", attacks]
    folder = "-".join([*TUNED.split(), attacks])
    found = {
        f"removal, keep {weight:g}": Job(
            ROOT / f"{folder}-keep-{weight:g}", CONFIGS / "removal.yaml", 0, [*fixed, "--model.keep", f"{weight:g}"], WORLD
        )
        for weight in keep
    }
    listed = ["--data.listed", '{"subject": 5, "relation": 12, "object": 5}']
    return found | {"shield": Job(ROOT / f"{folder}-shield", CONFIGS / f"{SHIELD}.yaml", 0, [*fixed, *listed], WORLD)}


def curve_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the curve: a row for each model.

    Args:
        content: Content of ``removal_curve.json``.
    """
    rows = [["model", *COLUMNS.values()]]
    for name, figures in content["rows"].items():
        rows.append([name, *(number(figures.get(key)) for key in COLUMNS)])
    return rows


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the curve."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=float, nargs="+", default=[10, 30, 100])
    parser.add_argument("--attacks", choices=("quick", "full"), default="full")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    plan = jobs(options.keep, options.attacks)
    run_stages([list(plan.values())], options.processes)
    reports = {name: job.report() for name, job in plan.items() if job.finished()}
    first: Mapping[str, Any] = next(iter(reports.values()), {})
    metrics = {"original": first["metrics"]["original"]} if first else {}
    metrics |= {name: report["metrics"]["unlearned"] for name, report in reports.items()}
    result = {
        "command": " ".join(["python -m benchmarks.removal_curve", *words]),
        **record(__file__, list(plan.values())),
        "tuple": TUNED,
        **{name: first[name] for name in ("versions", "hardware") if name in first},
        "configs": {name: (CONFIGS / f"{name}.yaml").read_text() for name in ("removal", SHIELD)},
        "failed": [job.folder.name for name, job in plan.items() if name not in reports],
        "rows": {name: {key: figures[key] for key in COLUMNS if key in figures} for name, figures in metrics.items()},
        "seconds": {name: report["seconds"] for name, report in reports.items()},
    }
    write_json(result, RESULT)


if __name__ == "__main__":
    main()
