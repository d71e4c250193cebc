"""Neuron paths of a relation: the preset beside its parts, and beside as many neurons that are drawn at random.

    python -m benchmarks.neuron_paths --seeds 1

Every variant edits three tuples that it was not tuned on, without searching attacks. Finished runs are reused. Writes
benchmarks/results/neuron_paths.json.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.relation_red_team import LISTED
from benchmarks.relations import CONFIGS, TUNED, TUPLES, WORLD, short
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.compare.spreads import spread
from oro_unlearn.files import write_json

RESULT, ROOT = Path("benchmarks/results/neuron_paths.json"), Path("runs/benchmarks/neuron_paths")
VARIANTS = {
    "preset": [],
    "random neurons, as many": ["--model.random_neurons", "true"],
    "no contrast": ["--model.contrast", "none"],
    "cosine, not margin": ["--model.loss", "cosine"],
    "pruned alone": ["--model.edit", "prune", "--trainer.max_epochs", "0"],
}
FIGURES = {  # of the table; the highest counts
    "forgotten: R@5, plain caption": ("direct/r5",),
    "forgotten: R@5, worst listed attack": LISTED,
    "forgotten: cosine, plain caption": ("direct/cosine",),
    "kept: R@1, unlisted neighbours": ("unlisted_neighbour/r1",),
    "kept: R@1, everything else": ("everything_else/r1",),
}


def job(variant: str, text: str, seed: int) -> Job:
    """One run; ``--data.seed`` draws other pictures and other listed neighbours."""
    asked = ["--data.forget", text, "--data.seed", str(seed), "--audit.attacks", "none", *VARIANTS[variant]]
    folder = ROOT / "-".join([*variant.replace(",", "").split(), *text.split(), f"s{seed}"])
    return Job(folder, CONFIGS / "neuron_path.yaml", seed, asked, WORLD)


def row_of(variant: str, text: str, seed: int, report: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of one run in the results."""
    found = report["paths"]["towers"]["text"]
    metrics = {role: short(report["metrics"][role]) for role in ("original", "unlearned")}
    return {
        "variant": variant,
        "tuple": text,
        "seed": seed,
        "seconds": report["seconds"],
        "neurons": sum(len(layer["neurons"]) for layer in found["layers"]),
        "of": sum(layer["of"] for layer in found["layers"]),
        "overlap": found["overlap"],
        "figures": {role: {name: _highest(own, keys) for name, keys in FIGURES.items()} for role, own in metrics.items()},
    }


def _highest(metrics: Mapping[str, float], keys: Sequence[str]) -> float:
    return max(metrics[key] for key in keys if key in metrics)


def paths_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the variants: means over tuples ± over tuples; the original stands first.

    Args:
        content: Content of ``neuron_paths.json``.
    """
    runs = content["runs"]
    rows = [["edit", *FIGURES, "neurons edited", "shared with paths to keep", "seconds"]]
    rows.append(["original", *(_mean(runs, lambda one, n=name: one["figures"]["original"][n]) for name in FIGURES), *"–––"])
    for variant in dict.fromkeys(one["variant"] for one in runs):
        own = [one for one in runs if one["variant"] == variant]
        cells = [_mean(own, lambda one, n=name: one["figures"]["unlearned"][n]) for name in FIGURES]
        shares = [_mean(own, lambda one: one["neurons"] / one["of"]), _mean(own, lambda one: one["overlap"])]
        rows.append([variant, *cells, *shares, _mean(own, lambda one: one["seconds"], 1)])
    return rows


def _mean(runs: Sequence[Mapping[str, Any]], of: Any, digits: int = 2) -> str:
    parts = spread(runs, of, group="tuple")
    return " ± ".join(f"{part:.{digits}f}" for part in parts if part is not None) or "–"


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    tuples = [text for text in TUPLES if text != TUNED]
    plan = {
        (variant, text, seed): job(variant, text, seed)
        for seed in range(options.seeds)
        for text in tuples
        for variant in VARIANTS
    }
    run_stages([list(plan.values())], options.processes)
    done = {place: one.report() for place, one in plan.items() if one.finished()}
    last: Mapping[str, Any] = next(iter(done.values()), {})
    result = {
        "command": " ".join(["python -m benchmarks.neuron_paths", *words]),
        **record(__file__, list(plan.values())),
        "configs": {"neuron_path": (CONFIGS / "neuron_path.yaml").read_text()},
        "tuned_on": TUNED,
        **{name: last[name] for name in ("versions", "hardware") if name in last},
        "failed": [one.folder.name for place, one in plan.items() if place not in done],
        "runs": [row_of(*place, report) for place, report in done.items()],
    }
    write_json(result, RESULT)


if __name__ == "__main__":
    main()
