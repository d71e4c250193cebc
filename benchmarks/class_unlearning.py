"""Class unlearning against the original, retrained models and the free control, over classes and seeds.

    python -m benchmarks.class_unlearning --configs digits --forget all --seeds 3 --retrained 3

trains what is missing under runs/benchmarks/CONFIGS (finished runs are reused) and writes benchmarks/results/CONFIGS.json.
Words after ``--`` are added to every command, for instance ``-- --data ImageFolder --data.root mnist``.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

METHODS = ("logit_mask", "rwft_o", "rwft_2_o", "rw_a")
RETRAINED_SEED = 100  # retrained models never share a seed with an original


class Job(NamedTuple):
    """One run of the command line."""

    folder: Path
    args: list[str]


def jobs(options: argparse.Namespace, classes: Sequence[str]) -> list[list[Job]]:
    """Stages of jobs: everything in a stage can run side by side."""
    root, configs = Path("runs/benchmarks") / options.name, Path("lightning_configs") / options.configs

    def job(name: str, config: str, seed: int, *args: str) -> Job:
        words = ["fit", "--config", str(configs / f"{config}.yaml"), "--seed_everything", str(seed)]
        return Job(root / name, [*words, "--trainer.default_root_dir", str(root / name), *options.extra, *args])

    def weights(name: str) -> str:
        return str(root / name / "model.safetensors")

    originals = [job(f"original-s{seed}", "original", seed) for seed in range(options.seeds)]
    retrained, unlearned = [], []
    for label in classes:
        forget = ["--data.forget", f"[{label}]"]
        references = [f"retrained-{label}-s{RETRAINED_SEED + seed}" for seed in range(options.retrained)]
        retrained += [job(name, "retrained", RETRAINED_SEED + seed, *forget) for seed, name in enumerate(references)]
        paths = "[" + ", ".join(weights(name) for name in references) + "]"
        for seed in range(options.seeds):
            inputs = ["--model.original", weights(f"original-s{seed}"), "--model.retrained", paths]
            unlearned += [job(f"{m}-{label}-s{seed}", m, seed, *forget, *inputs) for m in options.methods]
    return [originals, retrained, unlearned]


def run(job: Job, threads: int) -> None:
    """Run one job unless it is finished (``report.json`` is written last); a failed one says so and stops nothing."""
    if (job.folder / "report.json").exists():
        return
    import torch

    from oro_unlearn.cli import main

    torch.set_num_threads(threads)
    sys.argv = sys.argv[:1]  # LightningCLI warns when both are given
    with Path(f"{job.folder}.log").open("w") as log, contextlib.redirect_stdout(log), contextlib.suppress(SystemExit):
        main([*job.args, "--trainer.enable_progress_bar", "false"])


def run_stages(stages: Sequence[Sequence[Job]], processes: int | None = None) -> None:
    """Run every stage's jobs side by side, the stages one after the other, with progress on the terminal."""
    from joblib import Parallel, delayed
    from rich.progress import track

    processes = processes or os.cpu_count() or 1
    threads = max(1, (os.cpu_count() or 1) // processes)
    for number, stage in enumerate(stages, start=1):
        for job in stage:
            job.folder.parent.mkdir(parents=True, exist_ok=True)
        results = Parallel(n_jobs=processes, return_as="generator_unordered")(delayed(run)(job, threads) for job in stage)
        for _ in track(results, f"stage {number} of {len(stages)}", total=len(stage)):
            pass


def collect(stages: Sequence[Sequence[Job]]) -> list[dict[str, Any]]:
    """One record a finished unlearning run: what the tables need of its report."""
    records = []
    for job in stages[-1]:
        if not (job.folder / "report.json").exists():
            print(f"{job.folder} failed and is not in the results")
            continue
        report = json.loads((job.folder / "report.json").read_text())
        kept = ("network", "forget", "seed", "seconds", "metrics", "neighbours", "redirection")
        records.append({"label": job.folder.name.split("-")[0], **{name: report[name] for name in kept}})
    return records


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", default="digits", help="folder of lightning_configs")
    parser.add_argument("--name", help="of the result; default: the folder's")
    parser.add_argument("--forget", nargs="+", default=["all"], help="classes, one request each, or 'all' (ten by index)")
    parser.add_argument("--seeds", type=int, default=3, help="original models")
    parser.add_argument("--retrained", type=int, default=3, help="retrained models for each request")
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("extra", nargs="*", help="words for every command, after --")
    options = parser.parse_args(args)
    options.name = options.name or options.configs
    classes = [str(label) for label in range(10)] if options.forget == ["all"] else options.forget
    stages, start = jobs(options, classes), time.perf_counter()
    run_stages(stages, options.processes)
    from oro_unlearn.report.run_report import hardware, versions, write_json

    result = {
        "command": "python -m benchmarks.class_unlearning " + " ".join(args if args is not None else sys.argv[1:]),
        "configs": {
            name: Path(f"lightning_configs/{options.configs}/{name}.yaml").read_text()
            for name in ("original", "retrained", *options.methods)
        },
        "retrained_models": options.retrained,
        "versions": versions(),
        "hardware": hardware("cpu"),
        "processes": options.processes,
        "minutes_of_this_call": round((time.perf_counter() - start) / 60, 1),
        "runs": collect(stages),
    }
    write_json(result, Path("benchmarks/results") / f"{options.name}.json")


if __name__ == "__main__":
    main()
