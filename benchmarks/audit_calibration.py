"""Measure how often each line of an audit's verdict is right.

    python -m benchmarks.audit_calibration

The audited models are another retrained model, the original, the free control and several edits. The command trains originals
and retrained models of digits under runs/audit_calibration, edits the originals and scores every model once. Finished runs are
not run again. Then it draws retrained models as references, many times, and audits each model beside them. The results are in
benchmarks/results/audit_calibration.json. "retrained" is another retrained model: every "no" for it is a false alarm.

Other data, with options of fit after a double dash:

    python -m benchmarks.audit_calibration --data mnist_small --result FILE -- --data ImageFolder --data.root mnist
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import RESULTS
from oro_unlearn.audit import (
    Figures,
    Model,
    audit_model,
    class_lines,
    counts_of,
    findings,
    forgotten,
    shares_of,
    tallied,
)
from oro_unlearn.compare.audits import forgotten_classes, read
from oro_unlearn.compare.edits import Edit, Scoring
from oro_unlearn.compare.jobs import Job, run_stages, with_threads
from oro_unlearn.compare.sources import record
from oro_unlearn.files import write_json

RESULT, RUNS = RESULTS / "audit_calibration.json", Path("runs/audit_calibration")
EDITS = {
    "logit_mask": "LogitMask (free control)",
    "rwft_o": "RWFT-O",
    "rwft_2_o": "RWFT-2-O",
    "graded_reset": "GradedReset",
    "eu_k": "EU-k",
}
LEVELS = ("outputs", "features")
SAID = ("answers", "collateral", "looks outputs", "looks features", "recovery", "forgotten outputs", "forgotten features")


class Scored(NamedTuple):
    """A model, its scores and its figures."""

    name: str  # kind of model: original, retrained or an edit
    seed: int  # number of the original that it comes from; for retrained models, their own number
    model: Model  # its scores
    figures: Figures  # figures of attacks on its features


class Plan(NamedTuple):
    """All runs that the calibration needs."""

    originals: list[Job]
    retrained: list[Job]
    scorings: list[Job]  # scorings of originals and retrained models, in this order
    edits: dict[str, list[Job]]


def plan(options: argparse.Namespace) -> Plan:
    """Make all jobs from the options.

    Args:
        options: Options of :func:`parser`.
    """
    short = ["--trainer.max_epochs", str(options.epochs)] if options.epochs else []
    forget = ["--data.forget", f"[{options.forget}]"]
    quiet = [*options.words, "--audit.level", "outputs"]
    originals = [
        Job(options.runs / f"original-s{seed}", Path(options.data, "original.yaml"), seed, [*short, *quiet], [])
        for seed in range(options.originals)
    ]
    retrained = [
        Job(options.runs / f"retrained-s{seed}", Path(options.data, "retrained.yaml"), seed, [*forget, *short, *quiet], [])
        for seed in range(100, 100 + options.retrained)
    ]
    scorings = [scoring(options, job) for job in (*originals, *retrained)]
    edits: dict[str, list[Job]] = {name: [_edit(options, name, job, forget) for job in originals] for name in options.edits}
    return Plan(originals, retrained, scorings, edits)


def scoring(options: argparse.Namespace, job: Job) -> Job:
    """Make the job that scores a trained model.

    Args:
        options: Options of a calibration's parser.
        job: The training.
    """
    words = ["--data.forget", f"[{options.forget}]", *options.words]
    return Scoring(options.runs / f"scores-{job.folder.name}", Path(options.data, "original.yaml"), 0, words, [_weights(job)])


def _edit(options: argparse.Namespace, name: str, original: Job, forget: Sequence[str]) -> Job:
    """Make the job that edits one original by one method."""
    seed, source = original.seed, _weights(original)
    words = ["--config", f"methods/{name}.yaml", *forget, *options.words, "--model.original", str(source)]
    words += ["--trainer.max_epochs", "1"] if options.epochs and name != "logit_mask" else []
    return Edit(options.runs / f"{name}-s{seed}", Path(options.data, "original.yaml"), 1000 + seed, words, [source])


def _weights(job: Job) -> Path:
    return job.folder / "model.safetensors"


def scored_models(jobs: Plan) -> dict[str, list[Scored]]:
    """Finished models by kind: ``original``, ``retrained`` and the edits. Kinds without a finished run are left out.

    Args:
        jobs: Jobs that :func:`plan` makes.
    """
    kinds = {"original": jobs.scorings[: len(jobs.originals)], "retrained": jobs.scorings[len(jobs.originals) :], **jobs.edits}
    found = {}
    for kind, own in kinds.items():
        done = [(seed, job) for seed, job in enumerate(own) if job.finished()]
        found[kind] = [Scored(kind, seed, read(job), job.report()["figures"]) for seed, job in done]
    return {kind: models for kind, models in found.items() if models}


def draw(models: Mapping[str, list[Scored]], label: int, count: int, seed: int) -> dict[str, dict[str, str]]:
    """Draw references and an original, and audit one model of each kind.

    Args:
        models: Models that :func:`scored_models` returns.
        label: Index of the forgotten class.
        count: Number of references.
        seed: Seed of the draw.

    Returns:
        For each kind of model, the answer of every line in ``SAID``.
    """
    with with_threads(1):  # draws run in parallel
        generator = np.random.default_rng([count, seed])
        rows = generator.permutation(len(models["retrained"]))[: count + 1]
        held_out, *references = [models["retrained"][row] for row in rows]
        original = models["original"][generator.integers(len(models["original"]))]
        beside = [_figures(own, [other for other in references if other is not own], original, label) for own in references]
        edited = {"retrained": held_out}
        for kind in sorted(models.keys() - {"retrained"}):
            edited.update((kind, one) for one in models[kind] if one.seed == original.seed)
        before = _figures(original, references, original, label)
        return {kind: _said(one, (original, before), references, beside, label) for kind, one in edited.items()}


def _figures(own: Scored, others: Sequence[Scored], original: Scored, label: int) -> Figures:
    return {**own.figures, **audit_model(own.model, [other.model for other in others], {0: original.model}, [label])}


def _said(
    edited: Scored, before: tuple[Scored, Figures], references: Sequence[Scored], beside: Sequence[Figures], label: int
) -> dict[str, str]:
    """The answers of the verdict at both levels, by the names in ``SAID``."""
    original, figures = before[0], _figures(edited, references, before[0], label)
    samples = shares_of({split: len(scores.labels) for split, scores in edited.model.items()})
    roles = {"unlearned": edited, "original": original, **{f"retrained_{n}": one for n, one in enumerate(references)}}
    counts = {role: counts_of(one.model) for role, one in roles.items()}
    classes = len(counts["unlearned"])
    tallies, found = tallied(counts, [*map(str, range(classes))], [label]), findings(figures, before[1], beside, samples)
    said: dict[str, str] = {}
    for level in LEVELS:
        lines = class_lines(found, tallies, classes, level, len(references))
        said |= {name: lines[name].answer for name in ("answers", "collateral", "recovery")}
        said |= {f"looks {level}": lines["looks"].answer, f"forgotten {level}": forgotten(lines, level)}
    return said


def counted(models: Mapping[str, list[Scored]], label: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Share of draws with each answer. There is one row for each kind of model and number of references."""
    from joblib import Parallel, delayed
    from rich.progress import track

    rows = []
    for count in [count for count in options.references if count < len(models["retrained"])]:
        tasks = (delayed(draw)(models, label, count, seed) for seed in range(options.draws))
        results = Parallel(n_jobs=options.processes, return_as="generator")(tasks)
        drawn = list(track(results, f"{count} references", total=options.draws))
        for kind in drawn[0]:
            own = [draw[kind] for draw in drawn if kind in draw]
            shares = {name: {k: n / len(own) for k, n in Counter(one[name] for one in own).items()} for name in SAID}
            rows.append({"edited": kind, "references": count, "draws": len(own), "answers": shares})
    return rows


def calibration_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the shares of draws with ``yes`` and with ``no``, by kind of model, line and number of references.

    Args:
        content: Content of ``audit_calibration.json``.
    """
    rows, counts = content["rows"], sorted({row["references"] for row in content["rows"]})
    labels = {"retrained": "another retrained model", "original": "the original"} | EDITS
    table = [["edited model", "line", *(f"yes / no, {count} retrained" for count in counts)]]
    for kind in dict.fromkeys(row["edited"] for row in rows):
        own = {row["references"]: row["answers"] for row in rows if row["edited"] == kind}
        for name in SAID:
            cells = [f"{own[n][name].get('yes', 0):.2f} / {own[n][name].get('no', 0):.2f}" if n in own else "–" for n in counts]
            table.append([labels.get(kind, kind), name, *cells])
    return table


def shared_options(about: str, retrained: int, edits: Iterable[str], runs: Path, result: Path) -> argparse.ArgumentParser:
    """Parser with the options that every calibration has.

    Args:
        about: Text of the help.
        retrained: Default number of retrained models.
        edits: Default presets.
        runs: Default folder of the runs.
        result: Default file of the result.
    """
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--data", default="digits", help="folder of lightning_configs; default: digits")
    found.add_argument("--retrained", type=int, default=retrained, help=f"retrained models; default: {retrained}")
    found.add_argument("--originals", type=int, default=3, help="originals; default: 3")
    found.add_argument("--forget", default="4", help="the class; default: 4")
    found.add_argument("--draws", type=int, default=200, help="draws of models to compare with; default: 200")
    found.add_argument("--edits", nargs="*", default=list(edits), help="presets of lightning_configs/methods")
    found.add_argument("--epochs", type=int, default=0, help="of every training; default: the preset's")
    found.add_argument("--processes", type=int, default=None, help="default: one a core")
    found.add_argument("--runs", type=Path, default=runs, help=f"default: {runs}")
    found.add_argument("--result", type=Path, default=result, help=f"default: {result}")
    found.add_argument("--reuse", action="store_true", help="take finished runs of other sources too")
    return found


def parsed(own: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Options of a calibration. ``words`` holds the options of fit, which stand after a double dash.

    Args:
        own: The calibration's parser.
        words: The command line's words.
    """
    place = list(words).index("--") if "--" in words else len(words)
    options = own.parse_args(words[:place])
    options.words = list(words[place + 1 :])
    return options


def parser() -> argparse.ArgumentParser:
    """Parser for the options."""
    found = shared_options(__doc__ or "", 16, EDITS, RUNS, RESULT)
    found.add_argument("--references", type=int, nargs="+", default=[3, 4, 6, 10], help="default: 3 4 6 10")
    return found


def main(args: Sequence[str] | None = None) -> None:
    """Train, edit and score the models, draw references, and write the results."""
    import sys

    words = list(sys.argv[1:] if args is None else args)
    options = parsed(parser(), words)
    jobs = plan(options)
    stages = [[*jobs.originals, *jobs.retrained], [*jobs.scorings, *(job for own in jobs.edits.values() for job in own)]]
    run_stages(stages, options.processes, reuse=options.reuse)
    models = scored_models(jobs)
    done = [job for stage in stages for job in stage if job.finished()]
    machine = {name: done[-1].report()[name] for name in ("versions", "hardware")}
    label = forgotten_classes(next(job for job in jobs.scorings if job.finished()))[0]
    about = {"command": " ".join(["python -m benchmarks.audit_calibration", *words]), **record(__file__, done), **machine}
    counts = {kind: len(own) for kind, own in models.items()}
    asked = {"config": f"{options.data}/original.yaml", "forget": options.forget, "models": counts, "draws": options.draws}
    write_json({**about, **asked, "rows": counted(models, label, options)}, options.result)
    print(f"written to {options.result}")


if __name__ == "__main__":
    main()
