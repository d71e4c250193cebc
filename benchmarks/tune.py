"""Choose each method's learning rate on a held-out part of the training split, with the same budget for every method.

    python -m benchmarks.tune --configs digits --forget 1 4 8

Original, retrained and unlearned models are trained on four fifths of the training split and measured on the fifth; the
test split is never read. The score of a setting, averaged over the classes, is
|ACC_r - retrained| + |ACC_f - retrained| + |UTV - floor|: lower is better. Writes benchmarks/results/tune_CONFIGS.json;
the chosen values are then written into the YAML by hand, with this script as their source.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.class_unlearning import METHODS, RETRAINED_SEED, Job, run_stages

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
HOLDOUT = ["--data.holdout", "0.2"]


def stages(configs: str, classes: Sequence[str], methods: Sequence[str]) -> list[list[Job]]:
    """Original and retrained models, then every method at every rate."""
    root, folder = Path("runs/benchmarks") / f"tune_{configs}", Path("lightning_configs") / configs

    def job(name: str, config: str, *args: str, seed: int = 0) -> Job:
        words = ["fit", "--config", str(folder / f"{config}.yaml"), "--seed_everything", str(seed), *HOLDOUT]
        return Job(root / name, [*words, "--trainer.default_root_dir", str(root / name), *args])

    first, second = [job("original", "original")], []
    for label in classes:
        forget = ["--data.forget", f"[{label}]"]
        names = [f"retrained-{label}-{seed}" for seed in (0, 1)]
        first += [job(name, "retrained", *forget, seed=RETRAINED_SEED + seed) for seed, name in enumerate(names)]
        paths = "[" + ", ".join(str(root / name / "model.safetensors") for name in names) + "]"
        inputs = [*forget, "--model.original", str(root / "original/model.safetensors"), "--model.retrained", paths]
        second += [
            job(f"{method}-{label}-{rate}", method, *inputs, "--model.optimizer.lr", str(rate))
            for method in methods
            for rate in RATES
        ]
    return [first, second]


def score(report: dict[str, Any]) -> float:
    """Distance of the unlearned model from the retrained ones on the held-out images."""
    unlearned, retrained = report["metrics"]["unlearned"], report["metrics"]["retrained"]["mean"]
    gaps = [abs(unlearned[f"test/{name}"] - retrained[f"test/{name}"]) for name in ("acc_r", "acc_f")]
    return sum(gaps) + abs(unlearned["test/utv"] - unlearned["test/utv_floor"])


def main(args: Sequence[str] | None = None) -> None:
    """Run the grid and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", default="digits", help="folder of lightning_configs")
    parser.add_argument("--forget", nargs="+", default=["1", "4", "8"], help="classes, one request each")
    options = parser.parse_args(args)
    methods = [method for method in METHODS if method != "logit_mask"]  # the mask has nothing to tune
    plan = stages(options.configs, options.forget, methods)
    run_stages(plan)
    from oro_unlearn.report.run_report import hardware, versions, write_json

    scores: dict[str, dict[str, float]] = {}
    for method in methods:
        for rate in RATES:
            folders = [job.folder for job in plan[1] if job.folder.name in {f"{method}-{c}-{rate}" for c in options.forget}]
            if all((folder / "report.json").exists() for folder in folders):  # a diverged rate is out
                reports = [json.loads((folder / "report.json").read_text()) for folder in folders]
                scores.setdefault(method, {})[str(rate)] = round(mean(score(report) for report in reports), 5)
    result = {
        "command": "python -m benchmarks.tune " + " ".join(args if args is not None else sys.argv[1:]),
        "held_out": "a stratified fifth of the training split",
        "classes": options.forget,
        "versions": versions(),
        "hardware": hardware("cpu"),
        "scores": scores,
        "chosen": {method: float(min(rates, key=lambda rate: rates[rate])) for method, rates in scores.items()},
    }
    write_json(result, Path("benchmarks/results") / f"tune_{options.configs}.json")
    print(json.dumps({"scores": scores, "chosen": result["chosen"]}, indent=1))


if __name__ == "__main__":
    main()
