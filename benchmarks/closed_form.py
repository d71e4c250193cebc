"""Edits in closed form: ten requests in sequence, as a start for training, and what an edit costs.

    python -m benchmarks.closed_form --orders 5 --seeds 3

Sequence: ten tuples are forgotten one after the other, each edit starting from the model of the last one, in several orders.
After every edit the earlier tuples are measured again. Start: ``shield`` beside twenty steps from a start in closed form. Cost:
seconds of an edit on the small model and on a ViT-B-32 with random weights, one thread. Finished runs are reused. Writes
benchmarks/results/closed_form.json.
"""

import argparse
import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.relation_red_team import LISTED
from benchmarks.relations import CONFIGS, TUNED, TUPLES, WORLD, short
from oro_unlearn.compare.jobs import Job, run_stages, with_threads
from oro_unlearn.compare.sources import record
from oro_unlearn.compare.spreads import spread
from oro_unlearn.files import write_json

RESULT, ROOT = Path("benchmarks/results/closed_form.json"), Path("runs/benchmarks/closed_form")
REQUESTS = (
    *("child eating hamburger", "child drinking wine", "adult holding phone", "robot throwing book", "dog kicking ball"),
    *("elder drinking beer", "cat standing on book", "toddler holding phone", "bear eating pizza", "adult kicking plant"),
)
QUIET = ["--audit.attacks", "none"]
STARTS = {
    "shield": ("shield", []),
    "closed_form": ("closed_form", []),
    "closed form, then 20 steps": ("shield", ["--model.init", "closed_form", "--trainer.max_epochs", "2"]),
}
FIGURES = {  # of the table of starts
    "R@5, plain caption": ("direct/r5",),
    "R@5, worst listed attack": LISTED,
    "unlisted neighbours, mean drift": ("unlisted_neighbour/absolute_drift",),
    "unlisted neighbours, R@1": ("unlisted_neighbour/r1",),
    "zero-shot": ("zero_shot/accuracy",),
}


def sequence(order: int, attacks: Sequence[str] = QUIET) -> list[Job]:
    """One job for every request of an order; each starts from the model of the one before.

    Args:
        order: Seed of the order; 0 keeps that of ``REQUESTS``.
        attacks: Words for the attacks.
    """
    requests = list(REQUESTS)
    if order:
        random.Random(order).shuffle(requests)
    jobs: list[Job] = []
    for number, text in enumerate(requests):
        words, inputs = ["--data.forget", text, *attacks], list(WORLD)
        if jobs:
            before = jobs[-1].folder / "model.safetensors"
            words += ["--data.forgotten", f"[{', '.join(requests[:number])}]"]
            words += ["--model.network.init_args.pretrained", str(before)]
            inputs.append(before)
        jobs.append(Job(ROOT / f"order-{order}" / f"{number}", CONFIGS / "closed_form.yaml", 0, words, inputs))
    return jobs


def starts(seeds: int) -> dict[tuple[str, str, int], Job]:
    """Runs of the shield, of the closed form, and of both, by row, tuple and seed."""
    found = {}
    for row, (config, words) in STARTS.items():
        for text in (text for text in TUPLES if text != TUNED):
            for seed in range(seeds):
                asked = ["--data.forget", text, "--data.seed", str(seed), *QUIET, *words]
                folder = ROOT / "-".join([*row.replace(",", "").split(), *text.split(), f"s{seed}"])
                found[row, text, seed] = Job(folder, CONFIGS / f"{config}.yaml", seed, asked, WORLD)
    return found


def cost(network: Sequence[str]) -> dict[str, float]:
    """Seconds of an edit on a network, with one thread.

    Args:
        network: Words of the command line that name it.
    """
    from lightning.pytorch import Trainer

    from benchmarks.speed.step import QUIET as SILENT
    from oro_unlearn.cli import build

    cli = build(["--config", str(CONFIGS / "closed_form.yaml"), *network, "--data.pairs", "16", "--model.tau", "0"])
    method: Any = cli.model
    with with_threads(1):
        Trainer(max_epochs=0, accelerator="cpu", **SILENT).fit(method, datamodule=cli.datamodule)
    return {name: round(value, 3) for name, value in method.costs.items()}


COSTS = {
    "the small model of the scenes": [],
    "ViT-B-32, random weights": [
        *("--data", "benchmarks.speed.relational.LargeScenes", "--data.rewordings", "2"),
        *("--model.network.name", "ViT-B-32", "--model.network.pretrained", ""),
    ],
}


def sequence_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the sequences: one row for each order, with the worst of all rounds.

    Args:
        content: Content of ``closed_form.json``.
    """
    rows = [["order", "rounds in which an earlier tuple came back", "its pictures within the first five, at most",
             "the request itself, worst listed attack, mean", "everything else, R@1, after ten edits"]]  # fmt: skip
    for order in sorted({one["order"] for one in content["sequence"]}):
        own = [one for one in content["sequence"] if one["order"] == order]
        back = [one["earlier"] for one in own if one["earlier"] is not None]
        mean = sum(one["worst_listed"] for one in own) / len(own)
        came = f"{sum(value > 0 for value in back)} of {len(back)}"
        rows.append([str(order), came, f"{max(back, default=0):.2f}", f"{mean:.2f}", f"{own[-1]['everything_else']:.3f}"])
    return rows


def start_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the starts: means over tuples, ± over tuples, ± over seeds.

    Args:
        content: Content of ``closed_form.json``.
    """
    rows = [["run", *FIGURES, "seconds"]]
    for row in dict.fromkeys(one["row"] for one in content["starts"]):
        own = [one for one in content["starts"] if one["row"] == row]
        cells = [_mean(own, lambda one, name=name: one["figures"][name]) for name in FIGURES]
        rows.append([row, *cells, _mean(own, lambda one: one["seconds"], 1)])
    return rows


def cost_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the seconds of an edit.

    Args:
        content: Content of ``closed_form.json``.
    """
    rows = [["network", "encode captions and pictures, s", "edit, s"]]
    return rows + [
        [name, f"{one['encode_seconds']:.1f}", f"{one['edit_seconds']:.1f}"] for name, one in content["cost"].items()
    ]


CLOSED_FORM_TABLES = {"sequence": sequence_table, "start": start_table, "cost": cost_table}


def _mean(runs: Sequence[Mapping[str, Any]], of: Any, digits: int = 3) -> str:
    parts = spread(runs, of, group="tuple")
    return " ± ".join(f"{part:.{digits}f}" for part in parts if part is not None) or "–"


def _highest(metrics: Mapping[str, float], keys: Sequence[str]) -> float:
    return max(metrics[key] for key in keys if key in metrics)


def sequence_row(order: int, number: int, job: Job) -> dict[str, Any]:
    """The entry of one round in the results."""
    metrics = short(job.report()["metrics"]["unlearned"])
    return {
        "order": order,
        "round": number,
        "forget": job.options[1],
        "earlier": metrics.get("forgotten_earlier/worst_r5"),
        "worst_listed": _highest(metrics, LISTED),
        "everything_else": metrics["everything_else/r1"],
    }


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(words)
    sequences = {order: sequence(order) for order in range(options.orders)}
    plan = starts(options.seeds)
    run_stages([*map(list, zip(*sequences.values(), strict=True)), list(plan.values())], options.processes)
    everything = [*(job for own in sequences.values() for job in own), *plan.values()]
    done = [job for job in everything if job.finished()]
    result = {
        "command": " ".join(["python -m benchmarks.closed_form", *words]),
        **record(__file__, everything),
        "configs": {name: (CONFIGS / f"{name}.yaml").read_text() for name in ("closed_form", "shield")},
        **{name: done[-1].report()[name] for name in ("versions", "hardware") if done},
        "failed": [str(job.folder) for job in everything if not job.finished()],
        "sequence": [
            sequence_row(order, number, job)
            for order, own in sequences.items()
            for number, job in enumerate(own)
            if job.finished()
        ],
        "starts": [
            {
                "row": row,
                "tuple": text,
                "seed": seed,
                "seconds": job.report()["seconds"],
                "figures": {n: _highest(short(job.report()["metrics"]["unlearned"]), keys) for n, keys in FIGURES.items()},
            }
            for (row, text, seed), job in plan.items()
            if job.finished()
        ],
        "cost": {name: cost(network) for name, network in COSTS.items()},
    }
    write_json(result, RESULT)


if __name__ == "__main__":
    main()
