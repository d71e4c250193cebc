"""The fast training recipe against the usual recipe: accuracy after the same number of images read, and after half as many.

    ORO_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.speed.recipe --tune
    ORO_DATA=... OMP_NUM_THREADS=1 python -m benchmarks.speed.recipe

With ``--tune`` the settings of GRID are trained, measured on a held-out part of the training split, and printed. The best
setting is then written into lightning_configs/cifar10_small_fast by hand. Without ``--tune``, both recipes are measured on the
test split. Finished measurements are not repeated. Writes benchmarks/results/speed_recipe.json, which also holds the held-out
accuracies.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.speed.timing import write
from oro_unlearn.compare.jobs import Job

RUNS, CONFIGS = Path("runs/benchmarks/speed_recipe"), Path("lightning_configs")
PRECISION = "32-true"  # a CPU without instructions for bfloat16 is slower with it
HOLDOUT = ["--data.per_class", "800", "--data.holdout", "0.6"]  # trains on 3,200 images and measures on 4,800
FAST = ["--trainer.max_epochs", "8", "--model.schedule", "triangle", "--data.flip", "alternating"]
GRID = {  # peak of the learning rate, label smoothing, pixels of the shift
    "lr 0.1, smoothing 0.2, shift 4": (0.1, 0.2, 4),
    "lr 0.05, smoothing 0.2, shift 4": (0.05, 0.2, 4),
    "lr 0.1, smoothing 0, shift 4": (0.1, 0.0, 4),
    "lr 0.1, smoothing 0.2, shift 2": (0.1, 0.2, 2),
    "lr 0.2, smoothing 0.2, shift 2": (0.2, 0.2, 2),
    "lr 0.1, smoothing 0, shift 2": (0.1, 0.0, 2),
}
RECIPES = {  # the folder of its original.yaml, and what is laid over it
    "usual, 16 epochs": ("cifar10_small", []),
    "fast, 8 epochs": ("cifar10_small_fast", []),
    "usual, 8 epochs": ("cifar10_small", ["--trainer.max_epochs", "8", "--model.lr_scheduler.T_max", "8"]),
    "fast, 16 epochs": ("cifar10_small_fast", ["--trainer.max_epochs", "16"]),
}
SEEDS = (0, 1, 2)


def job(name: str, folder: str, seed: int, options: Sequence[str]) -> Job:
    """Training of an original."""
    words = ["--trainer.precision", PRECISION, *options]
    return Job(RUNS / name.replace(", ", "-").replace(" ", "_"), CONFIGS / folder / "original.yaml", seed, words, [])


def tuning() -> dict[str, Job]:
    """One run for every setting, laid over the usual recipe."""
    jobs = {}
    for name, (rate, smoothing, shift) in GRID.items():
        words = ["--model.optimizer.lr", f"{rate}", "--model.label_smoothing", f"{smoothing}"]
        words += ["--data.crop_padding", f"{shift}"]
        jobs[name] = job(f"tune, {name}", "cifar10_small", 0, [*HOLDOUT, *FAST, *words])
    return jobs


def measured() -> dict[str, list[Job]]:
    """One run for every recipe and seed."""
    return {name: [job(f"{name}, {seed}", *_with_seed(recipe, seed)) for seed in SEEDS] for name, recipe in RECIPES.items()}


def _with_seed(recipe: tuple[str, list[str]], seed: int) -> tuple[str, int, list[str]]:
    return recipe[0], seed, recipe[1]


def accuracy(done: Job) -> float:
    """On the test images, or on what is held out instead."""
    return float(done.report()["metrics"]["original"]["test/acc_r"])


def rows() -> list[dict[str, Any]]:
    """Accuracy by recipe over the seeds that are done, and its ratio to the usual recipe's."""
    found = {name: [one for one in jobs if one.finished()] for name, jobs in measured().items()}
    by_seed = {name: [accuracy(one) for one in jobs] for name, jobs in found.items() if jobs}
    usual = mean(by_seed["usual, 16 epochs"])
    return [
        {
            "what": f"accuracy: {name} vs usual, 16 epochs",
            "ratio": mean(values) / usual,
            "target": ">= 1",
            "recipe": name,
            "epochs": int(name.split()[1]),
            "images_read": found[name][0].report()["images_read"],
            "accuracy": values,
            "mean": mean(values),
            "std": stdev(values) if len(values) > 1 else None,
            "seconds": [one.report()["seconds"] for one in found[name]],
        }
        for name, values in by_seed.items()
    ]


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing, one after the other, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="the grid, on held-out images of the training split")
    options = parser.parse_args(args)
    everything = [jobs[seed] for seed in range(len(SEEDS)) for jobs in measured().values()]
    for one in tuning().values() if options.tune else everything:
        if not one.usable():
            one.folder.mkdir(parents=True, exist_ok=True)
            one.run("--trainer.enable_progress_bar", "false")
    held_out = {name: accuracy(one) for name, one in tuning().items() if one.finished()}
    print("held out:", held_out)
    if not options.tune:
        write("recipe", rows(), precision=PRECISION, held_out=held_out)


if __name__ == "__main__":
    main()
