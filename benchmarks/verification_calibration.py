"""Measure how often ``oro-unlearn audit --verify`` finds residue: falsely in retrained models, and rightly in edits.

    python -m benchmarks.verification_calibration

The command trains originals, retrained models and verification models of digits under runs/verification_calibration, edits the
originals, and scores every model once. Finished runs are not run again. Then it draws N verification models of each share, many
times, and tests every model beside them. The results are in benchmarks/results/verification_calibration.json. Residue in a
retrained model is a false alarm.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import RESULTS
from benchmarks.audit_calibration import EDITS, parsed, plan, scoring, shared_options
from oro_unlearn.audit import SHARES, Figures, residue
from oro_unlearn.compare.audits import read
from oro_unlearn.compare.jobs import Job, run_stages
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json

RESULT, RUNS = RESULTS / "verification_calibration.json", Path("runs/verification_calibration")
TRIED = ("logit_mask", "rwft_o", "rwft_2_o", "eu_k")


class Pool(NamedTuple):
    """The figures of all models."""

    models: Mapping[str, Sequence[Figures]]  # by kind: retrained, original and the edits
    small: Mapping[float, Sequence[Figures]]  # verification models by share
    counts: tuple[int, int]  # forgotten and other test images


def small_jobs(options: argparse.Namespace) -> tuple[dict[float, list[Job]], dict[float, list[Job]]]:
    """Trainings and scorings of the verification models, by share.

    Args:
        options: Options of :func:`parser`.
    """
    short = ["--trainer.max_epochs", str(options.epochs)] if options.epochs else []
    words = ["--data.forget", f"[{options.forget}]", *short, *options.words]
    recipe = Path(options.data, "retrained.yaml")
    trainings: dict[float, list[Job]] = {}
    scorings: dict[float, list[Job]] = {}
    for number, share in enumerate(SHARES):
        jobs = []
        for part in range(options.small):
            own = [*words, "--data.train_share", str(share), "--data.train_part", str(part), "--audit.level", "outputs"]
            folder = options.runs / f"small-{100 * share:g}-s{part}"
            jobs.append(Job(folder, recipe, 2000 + 100 * number + part, own, []))
        trainings[share] = jobs
        scorings[share] = [scoring(options, job) for job in jobs]
    return trainings, scorings


def counted(pool: Pool, options: argparse.Namespace) -> list[dict[str, Any]]:
    """How often residue is found. There is one row for each kind of model and number of verification models.

    Args:
        pool: Figures of all models.
        options: Options of :func:`parser`.
    """
    rows = []
    for count in [count for count in options.numbers if count <= options.small]:
        generator = np.random.default_rng(count)
        found: dict[str, list[list[str]]] = {kind: [] for kind in pool.models}
        for _ in range(options.draws):
            beside = {
                share: [models[row] for row in generator.permutation(len(models))[:count]]
                for share, models in pool.small.items()
            }
            for kind, models in pool.models.items():
                found[kind] += [residue(figures, beside, *pool.counts).found for figures in models]
        for kind, results in found.items():
            keys = sorted({key for keys in results for key in keys})
            by_figure = {key: sum(key in keys for keys in results) / len(results) for key in keys}
            share = sum(bool(keys) for keys in results) / len(results)
            rows.append(
                {"edited": kind, "small": count, "models": len(pool.models[kind]), "residue": share, "by_figure": by_figure}
            )
    return rows


def verification_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the share of draws in which residue is found, by kind of model and number of verification models.

    Args:
        content: Content of ``verification_calibration.json``.
    """
    rows, counts = content["rows"], sorted({row["small"] for row in content["rows"]})
    labels = {"retrained": "retrained models (false alarms)", "original": "the original"} | EDITS
    table = [["edited model", "models", *(f"--verify {count}" for count in counts)]]
    for kind in dict.fromkeys(row["edited"] for row in rows):
        own = {row["small"]: row for row in rows if row["edited"] == kind}
        shown = [f"{own[count]['residue']:.2f}" for count in counts]
        table.append([labels.get(kind, kind), str(next(iter(own.values()))["models"]), *shown])
    return table


def parser() -> argparse.ArgumentParser:
    """Parser for the options."""
    found = shared_options(__doc__ or "", 15, TRIED, RUNS, RESULT)
    found.add_argument("--small", type=int, default=10, help="verification models of each share; default: 10")
    found.add_argument("--numbers", type=int, nargs="+", default=[3, 4, 6], help="values of --verify; default: 3 4 6")
    return found


def main(args: Sequence[str] | None = None) -> None:
    """Train, edit and score the models, draw verification models, and write the results."""
    import sys

    words = list(sys.argv[1:] if args is None else args)
    options = parsed(parser(), words)
    jobs, (trainings, scorings) = plan(options), small_jobs(options)
    stages = [
        [*jobs.originals, *jobs.retrained, *(job for own in trainings.values() for job in own)],
        [*jobs.scorings, *(job for own in (*scorings.values(), *jobs.edits.values()) for job in own)],
    ]
    run_stages(stages, options.processes, reuse=options.reuse)
    first = len(jobs.originals)
    kinds = {"retrained": jobs.scorings[first:], "original": jobs.scorings[:first], **jobs.edits}
    done = [job for stage in stages for job in stage if job.finished()]
    machine = {name: done[-1].report()[name] for name in ("versions", "hardware")}
    scores = read(next(job for job in jobs.scorings if job.finished()))
    counts = (len(scores["test_forget"].labels), len(scores["test_retain"].labels))
    pool = Pool(_figures(kinds), _figures(scorings), counts)
    about = {
        "command": " ".join(["python -m benchmarks.verification_calibration", *words]),
        **record(__file__, done),
        **machine,
    }
    figures = {"models": dict(pool.models), "small": {str(share): own for share, own in pool.small.items()}}
    asked = {"config": f"{options.data}/original.yaml", "forget": options.forget, "draws": options.draws}
    content = {**about, **asked, "seed": "the number of models", "rows": counted(pool, options), "figures": figures}
    write_json(content, options.result)
    print(f"written to {options.result}")


def _figures(kinds: Mapping[Any, Sequence[Job]]) -> dict[Any, list[Figures]]:
    """Figures of the finished models, by kind. Kinds without a finished model are left out."""
    found = {kind: [job.report()["figures"] for job in own if job.finished()] for kind, own in kinds.items()}
    return {kind: figures for kind, figures in found.items() if figures}


if __name__ == "__main__":
    main()
