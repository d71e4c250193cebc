"""Class unlearning against the original, retrained models and the free control, over classes and seeds.

    python -m benchmarks.class_unlearning --configs digits --forget all --seeds 3 --retrained 3

trains what is missing under runs/benchmarks/CONFIGS (finished runs are reused) and writes benchmarks/results/CONFIGS.json.
Words after ``--`` are added to every command, for instance ``-- --data ImageFolder --data.root mnist``.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.jobs import Job, run_stages
from benchmarks.sources import record

METHODS = ("logit_mask", "rwft_o", "rwft_2_o", "rw_a")
RETRAINED_SEED = 100  # retrained models never share a seed with an original


def jobs(options: argparse.Namespace, classes: Sequence[str]) -> list[list[Job]]:
    """Stages of jobs: everything in a stage can run side by side."""
    root, configs = Path("runs/benchmarks") / options.name, Path("lightning_configs") / options.configs

    def job(name: str, config: str, seed: int, words: Sequence[str] = (), inputs: Sequence[Path] = ()) -> Job:
        return Job(root / name, configs / f"{config}.yaml", seed, [*options.extra, *words], list(inputs))

    def weights(name: str) -> Path:
        return root / name / "model.safetensors"

    originals = [job(f"original-s{seed}", "original", seed) for seed in range(options.seeds)]
    retrained, unlearned = [], []
    for label in classes:
        forget = ["--data.forget", f"[{label}]"]
        seeds = range(RETRAINED_SEED, RETRAINED_SEED + options.retrained)
        retrained += [job(f"retrained-{label}-s{seed}", "retrained", seed, forget) for seed in seeds]
        references = [weights(f"retrained-{label}-s{seed}") for seed in seeds]
        for seed in range(options.seeds):
            original = weights(f"original-s{seed}")
            words = ["--model.original", str(original), "--model.retrained", f"[{', '.join(map(str, references))}]"]
            unlearned += [
                job(f"{method}-{label}-s{seed}", method, seed, [*forget, *words], [original, *references])
                for method in options.methods
            ]
    return [originals, retrained, unlearned]


def collect(stages: Sequence[Sequence[Job]]) -> list[dict[str, Any]]:
    """One record a finished unlearning run: what the tables need of its report."""
    kept = ("network", "forget", "seed", "seconds", "metrics", "neighbours", "redirection")
    finished = [(job, job.report()) for job in stages[-1] if job.finished()]
    return [{"label": job.config.stem, **{name: report[name] for name in kept}} for job, report in finished]


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", default="digits", help="folder of lightning_configs")
    parser.add_argument("--name", help="of the result; default: the folder's")
    parser.add_argument("--forget", nargs="+", default=["all"], help="classes, one request each, or 'all' (ten by index)")
    parser.add_argument("--seeds", type=int, default=3, help="original models")
    parser.add_argument("--retrained", type=int, default=3, help="retrained models for each request")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--reuse", action="store_true", help="finished runs of other code too; the result names them")
    parser.add_argument("extra", nargs="*", help="words for every command, after --")
    options = parser.parse_args(words)
    options.name = options.name or options.configs
    stages = jobs(options, [str(label) for label in range(10)] if options.forget == ["all"] else options.forget)
    run_stages(stages, options.processes, reuse=options.reuse)
    from oro_unlearn.report.run_report import write_json

    finished = [job for stage in stages for job in stage if job.finished()]
    configs = {name: stages[0][0].config.with_stem(name).read_text() for name in ("original", "retrained", *options.methods)}
    result = {
        "command": " ".join(["python -m benchmarks.class_unlearning", *words]),
        **record("class_unlearning", finished),
        "configs": configs,
        "retrained_models": options.retrained,
        **{name: finished[-1].report()[name] for name in ("versions", "hardware")},
        "processes": options.processes,
        "fitting_minutes": round(sum(job.report()["seconds"] for job in finished) / 60, 1),
        "failed": [job.folder.name for stage in stages for job in stage if not job.finished()],
        "runs": collect(stages),
    }
    write_json(result, Path("benchmarks/results") / f"{options.name}.json")


if __name__ == "__main__":
    main()
