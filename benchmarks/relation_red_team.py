"""A searching attacker against every relational preset: is the tuple removed, or only shielded from its wordings?

    python -m benchmarks.relation_red_team --seeds 3

Every run ends with ``--audit.attacks full``: a caption search for two goals, with 50,000 captions each, searches by gradients
and for prompts, and linear probes, all judged on pictures that no search saw. Options choose presets, tuples and
the strength of the attacks. Finished runs are reused. Writes benchmarks/results/relation_red_team.json.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.relations import COMPOSED, CONFIGS, TUNED, TUPLES, WORLD, short
from oro_unlearn.audit.relation_groups import ALTERED, ATTACKS, FAMILIES, WEIGHTS
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.compare.spreads import spread
from oro_unlearn.files import write_json

RESULT, ROOT = Path("benchmarks/results/relation_red_team.json"), Path("runs/benchmarks/relation_red_team")
PRESETS = (
    "push_only",
    "relation_unlearning_paper",
    "shield",
    "closed_form",
    "causal_pruning",
    "removal",
    "closed_form_removal",
    "neuron_path",
)
LISTED = tuple(f"{group}/worst_r5" for group in ("direct", *ATTACKS))
COLUMNS = {  # of the table, with figures of the edited model; the highest counts
    "forgotten: R@5, plain caption": ("direct/r5",),
    "forgotten: R@5, worst listed attack": LISTED,
    "kept: R@1, unlisted neighbours": ("unlisted_neighbour/r1",),
    "kept: R@1, everything else": ("everything_else/r1",),
    "searched AUC": ("search/auc",),
    "searched R@5": ("search/r5",),
    "searched R@5 above the foil": ("search/excess_r5",),
    "probe of pictures, AUC": ("probe_picture/auc",),
    "relearned from 16 pairs: R@5": ("relearn_16/r5",),
    "relearned from 16 pairs: R@1": ("relearn_16/r1",),
}
ATTACKED = {  # rows of the table of all attacks: R@5 after each, of one model
    "plain caption": "direct/r5",
    **{text: f"{name}/r5" for name, text in FAMILIES.items()},
    "strongest searched caption": "search/r5",
    **{f"plain caption; pictures: {text}": f"{name}/r5" for name, text in ALTERED.items()},
    **{text: f"{name}/r5" for name, text in WEIGHTS.items() if name != "no_attack"},
}


def job(preset: str, text: str, seed: int, attacks: str) -> Job:
    """One run; ``--data.seed`` draws other pictures and other listed neighbours."""
    asked = ["--data.forget", text, "--data.seed", str(seed), "--audit.attacks", attacks]
    folder = "-".join([preset, *text.split(), attacks, f"s{seed}"])
    return Job(ROOT / folder, CONFIGS / f"{preset}.yaml", seed, asked, WORLD)


def row_of(preset: str, text: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of one run in the results."""
    kept = {name: short(report[name]) for name in ("seed", "seconds", "adapter_parameters", "metrics", "search")}
    return {"preset": preset, "tuple": text, **kept, "removal": report["audit"]["removal"]["answer"]}


def red_team_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the presets. Figures are means over runs; the original stands first.

    Args:
        content: Content of ``relation_red_team.json``.
    """
    runs = content["runs"]
    rows = [["model", *COLUMNS, "removed / shield / neither", "seconds", "parameters of the adapter"]]
    presets = list(dict.fromkeys(run["preset"] for run in runs))
    for name, own, role in [("original", runs, "original"), *((p, [r for r in runs if r["preset"] == p], "") for p in presets)]:
        figures = [_mean(own, partial(_highest, role or "unlearned", keys)) for keys in COLUMNS.values()]
        answers = [sum(run["removal"] == answer for run in own) for answer in ("removed", "shield")]
        counts = " / ".join(map(str, (*answers, len(own) - sum(answers))))
        changed = f"{own[0]['adapter_parameters']:,}" if own and own[0]["adapter_parameters"] else "–"
        cost = [_mean(own, lambda run: run["seconds"], 1), changed] if own and not role else []
        rows.append([name if role else f"`{name}`", *figures, *([counts, *cost] if cost else ["–"] * 3)])
    return rows


def attacks_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of every attack on what is forgotten: R@5 of the original and of each preset, means over runs.

    Args:
        content: Content of ``relation_red_team.json`` or of a file like it.
    """
    presets = list(dict.fromkeys(run["preset"] for run in content["runs"]))
    rows = [["attack", "original", *(f"`{preset}`" for preset in presets)]]
    for name, key in ATTACKED.items():
        cells = [_mean(content["runs"], partial(_highest, "original", [key]))]
        for preset in presets:
            own = [run for run in content["runs"] if run["preset"] == preset]
            cells.append(_mean(own, partial(_highest, "unlearned", [key])))
        if {*cells} != {"–"}:
            rows.append([name, *cells])
    return rows


def _highest(role: str, keys: Sequence[str], run: Mapping[str, Any]) -> float | None:
    """The highest of some figures of a model; None if it has none of them."""
    known = [value for value in map(run["metrics"][role].get, keys) if value is not None]
    return max(known, default=None)


def _mean(runs: Sequence[Mapping[str, Any]], of: Any, digits: int = 2) -> str:
    """Mean ± over tuples ± over seeds; a dash without a value."""
    parts = spread(runs, of, group="tuple")
    return " ± ".join(f"{part:.{digits}f}" for part in parts if part is not None) or "–"


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default=",".join(PRESETS), help="presets of scenes, with commas")
    parser.add_argument("--tuples", default=",".join((*TUPLES, COMPOSED)), help="tuples, with commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--attacks", choices=("quick", "full"), default="full")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args(words)
    plan = {
        (preset, text, seed): job(preset, text, seed, options.attacks)
        for preset in options.presets.split(",")
        for text in options.tuples.split(",")
        for seed in range(options.seeds)
    }
    run_stages([list(plan.values())], options.processes)
    done = {place: one for place, one in plan.items() if one.finished()}
    reports = {place: one.report() for place, one in done.items()}
    last: Mapping[str, Any] = next(iter(reports.values()), {})
    result = {
        "command": " ".join(["python -m benchmarks.relation_red_team", *words]),
        **record(__file__, list(plan.values())),
        "configs": {name: (CONFIGS / f"{name}.yaml").read_text() for name in options.presets.split(",")},
        "tuned_on": TUNED,
        **{name: last[name] for name in ("versions", "hardware", "gallery", "pictures") if name in last},
        "failed": [one.folder.name for place, one in plan.items() if place not in done],
        "runs": [row_of(preset, text, report) for (preset, text, _), report in reports.items()],
    }
    write_json(result, options.output)


if __name__ == "__main__":
    main()
