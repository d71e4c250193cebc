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

from benchmarks.class_unlearning import METHODS, RETRAINED_SEED
from benchmarks.jobs import Job, run_stages
from benchmarks.sources import record

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
HOLDOUT = ["--data.holdout", "0.2"]


def stages(configs: str, classes: Sequence[str], methods: Sequence[str]) -> list[list[Job]]:
    """Original and retrained models, then every method at every rate."""
    root, folder = Path("runs/benchmarks") / f"tune_{configs}", Path("lightning_configs") / configs

    def job(name: str, config: str, words: Sequence[str] = (), inputs: Sequence[Path] = (), seed: int = 0) -> Job:
        return Job(root / name, folder / f"{config}.yaml", seed, [*HOLDOUT, *words], list(inputs))

    original = root / "original/model.safetensors"
    first, second = [job("original", "original")], []
    for label in classes:
        forget = ["--data.forget", f"[{label}]"]
        first += [job(f"retrained-{label}-{n}", "retrained", forget, seed=RETRAINED_SEED + n) for n in (0, 1)]
        references = [root / f"retrained-{label}-{n}" / "model.safetensors" for n in (0, 1)]
        words = [*forget, "--model.original", str(original), "--model.retrained", f"[{', '.join(map(str, references))}]"]
        second += [
            job(f"{method}-{label}-{rate}", method, [*words, "--model.optimizer.lr", str(rate)], [original, *references])
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
            own = [job for job in plan[1] if job.folder.name in {f"{method}-{label}-{rate}" for label in options.forget}]
            if all(job.finished() for job in own):  # a rate that diverged is out
                scores.setdefault(method, {})[str(rate)] = round(mean(score(job.report()) for job in own), 5)
    result = {
        "command": "python -m benchmarks.tune " + " ".join(args if args is not None else sys.argv[1:]),
        **record("tune", [job for stage in plan for job in stage]),
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
