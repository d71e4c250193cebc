"""The red team against edited classifiers of digits: what do attacks with weights, few images or none bring back?

    python -m benchmarks.class_red_team

Trains originals and retrained models of digits, edits every original by four methods, and makes all attacks of
``--audit.attacks full`` on every model, with the same steps, batches and seeds. SalUn and SCRUB have the learning rates that
the comparison of digits has chosen (classes 1 and 8 of the validation images). Inverted inputs are judged by the original of
another seed, which shares no weights with the attacked model. Finished runs are reused. Writes
benchmarks/results/class_red_team.json.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import RESULTS
from oro_unlearn.attacks.classes import Target, red_team_json
from oro_unlearn.audit import (
    LEVELS,
    Figures,
    Model,
    Tried,
    accuracies,
    attack_models,
    attacked_model,
    audited_images,
    feature_places,
    rounded,
)
from oro_unlearn.compare.edits import QUIET
from oro_unlearn.compare.jobs import Job, run_stages, with_threads
from oro_unlearn.compare.sources import record
from oro_unlearn.compare.spreads import marked, spread
from oro_unlearn.files import write_json
from oro_unlearn.report.run_report import hardware, versions

RESULT, ROOT = RESULTS / "class_red_team.json", Path("runs/benchmarks/class_red_team")
SHORT = ["--audit.level", "outputs", "--audit.attacks", "none"]  # all models are attacked together, below
METHODS = {  # by name: configuration, and more options of fit
    "logit_mask": ("digits/logit_mask.yaml", ()),
    "rwft_o": ("digits/rwft_o.yaml", ()),
    "salun": ("digits/original.yaml", ("--config", "methods/salun.yaml", "--model.optimizer.lr", "0.001")),
    "scrub": ("digits/original.yaml", ("--config", "methods/scrub.yaml", "--model.optimizer.lr", "0.005")),
}
LABELS = {
    "original": "original",
    "retrained": "retrained (the ideal)",
    "logit_mask": "LogitMask (free control)",
    "rwft_o": "RWFT-O",
    "salun": "SalUn",
    "scrub": "SCRUB",
}
COLUMNS = {  # of the table: figures in percent
    "accuracy on forgotten": "acc_f",
    "accuracy on others": "acc_r",
    "relearning, 10 steps": "relearn_10",
    "probe, 1 image": "probe_1_shot",
    "probe, 5 images": "probe_5_shot",
    "probe, 20 images": "probe_20_shot",
    "inverted, judged forgotten": "inversion/forgotten",
    "inverted, control": "inversion/retained",
    "patch, excess": "patch/excess",
    "drawn name, excess": "typographic/excess",
    "8 bit": "quantised_8/forgotten",
    "4 bit": "quantised_4/forgotten",
    "4 bit, others": "quantised_4/retained",
    "kept data, 10 steps": "retain_tuning_10",
    "kept data, 100 steps": "retain_tuning_100",
    "features outside": "feature_lira/outside",
}


class Attacked(NamedTuple):
    """A trained model, and who judges its inverted inputs."""

    method: str
    seed: int
    weights: Path
    judge: Path


def originals(seeds: int) -> list[Job]:
    """The models that are edited, one for each seed."""
    return [Job(ROOT / f"original-s{seed}", Path("digits/original.yaml"), seed, [*SHORT], []) for seed in range(seeds)]


def retrained(label: str, seeds: int) -> list[Job]:
    """Models that never saw a class."""
    words = ["--data.forget", f"[{label}]", *SHORT]
    config = Path("digits/retrained.yaml")
    return [Job(ROOT / f"retrained-{label}-s{seed}", config, 100 + seed, words, []) for seed in range(seeds)]


def edits(label: str, method: str, sources: Sequence[Job]) -> list[Job]:
    """One method on every original."""
    config, words = METHODS[method]
    jobs = []
    for source in sources:
        folder, weights = ROOT / f"{method}-{label}-s{source.seed}", _weights(source)
        asked = [*words, "--data.forget", f"[{label}]", *SHORT, "--model.original", str(weights)]
        asked += ["--trainer.default_root_dir", str(folder)] if words else []  # a preset of a method has its own
        jobs.append(Job(folder, Path(config), source.seed, asked, [weights]))
    return jobs


def _weights(job: Job) -> Path:
    return job.folder / "model.safetensors"


def attacks_of(label: str, models: Sequence[Attacked]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Attack all models of one request.

    Args:
        label: The class to forget.
        models: The models, retrained ones among them.

    Returns:
        A record of every model, a record of U-LIRA on features for every method, and hardware.
    """
    from oro_unlearn.cli import build
    from oro_unlearn.networks import fill_network, read_checkpoint

    cli = build(["--config", "digits/original.yaml", "--model", "Training", "--data.forget", f"[{label}]", *QUIET])
    data: Any = cli.datamodule
    data.prepare_data()
    images, forgotten = audited_images(data), list(data.forget_classes)
    judges = {model.judge: deepcopy(cli.model.network) for model in models}
    for file, network in judges.items():
        fill_network(network, read_checkpoint(file))
    figures: dict[Attacked, Figures] = {}
    scores: dict[Attacked, Model] = {}
    for model in models:
        network = cli.model.network
        fill_network(network, read_checkpoint(model.weights), masked=True)
        target = Target(network, data.num_classes, forgotten, data.class_names)
        scores[model], found = attacked_model(target, images, Tried(LEVELS["features"], "full"), judges[model.judge])
        figures[model] = {**accuracies(scores[model], forgotten), **found}
        print(label, model.method, model.seed, flush=True)
    named = {str(number): scores[model] for number, model in enumerate(models)}
    beside = [str(number) for number, model in enumerate(models) if model.method == "retrained"]
    places = feature_places(named, beside, forgotten)
    for number, model in enumerate(models):
        figures[model] |= places.get(str(number), {})
    records = [
        {"method": model.method, "forget": label, "seed": model.seed, "figures": rounded(found)}
        for model, found in figures.items()
    ]
    return records, _u_lira(label, scores, forgotten), hardware("cpu")


def _u_lira(label: str, scores: Mapping[Attacked, Model], forgotten: Sequence[int]) -> list[dict[str, Any]]:
    """U-LIRA on the silhouette of forgotten test images, several edited models against several retrained ones."""
    groups: dict[str, list[Model]] = {}
    for model, own in scores.items():
        groups.setdefault(model.method, []).append(own)
    theirs = groups.pop("retrained", [])
    return [
        {"method": method, "forget": label, **rounded(attack_models(ours, theirs, forgotten)["features"])}
        for method, ours in groups.items()
        if min(len(ours), len(theirs)) >= 3
    ]


def class_table(content: Mapping[str, Any]) -> list[list[str]]:
    """Table of the methods. Figures are means in percent ± over classes ± over seeds.

    Args:
        content: Content of ``class_red_team.json``.
    """
    rows = [["%", *COLUMNS, "U-LIRA on features"]]
    for method, label in LABELS.items():
        runs = [run for run in content["models"] if run["method"] == method]
        cells = [_cell(runs, key) for key in COLUMNS.values()]
        found = [one["accuracy"] for one in content["u_lira"] if one["method"] == method]
        rows.append([label, *cells, " / ".join(f"{100 * value:.0f}" for value in found) or "–"])
    return rows


def _cell(runs: Sequence[Mapping[str, Any]], key: str) -> str:
    """Mean ± over classes ± over seeds, in percent; a dash without a value."""
    parts = spread(runs, lambda run: run["figures"].get(key))
    known = sum(run["figures"].get(key) is not None for run in runs)
    return marked(" ± ".join(f"{100 * part:.0f}" for part in parts if part is not None), known, len(runs)) or "–"


def main(args: Sequence[str] | None = None) -> None:
    """Run what is missing, attack every model, and write the results."""
    words = list(sys.argv[1:] if args is None else args)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forget", default="8,3", help="digits to forget one by one, with commas")
    parser.add_argument("--methods", default=",".join(METHODS), help="methods, with commas")
    parser.add_argument("--seeds", type=int, default=3, help="originals, and retrained models of each digit; two or more")
    parser.add_argument("--edits", type=int, help="originals that every method edits; default: all")
    parser.add_argument("--reuse", action="store_true", help="keep finished runs of other code; the results say which")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args(words)
    sources, jobs = originals(options.seeds), list[Job]()
    content: dict[str, Any] = {"command": " ".join(["python -m benchmarks.class_red_team", *words]), "models": [], "u_lira": []}
    for label in options.forget.split(","):
        plan = {"original": sources, "retrained": retrained(label, options.seeds)}
        plan |= {method: edits(label, method, sources[: options.edits]) for method in options.methods.split(",")}
        first, later = [*sources, *plan["retrained"]], [job for name in METHODS for job in plan.get(name, ())]
        run_stages([first, later], options.processes, reuse=options.reuse)
        jobs += [job for job in (*first, *later) if job not in jobs]
        with with_threads(1):
            models, found, machine = attacks_of(
                label, [one for name, own in plan.items() for one in _finished(name, own, sources)]
            )
        content["models"] += models
        content["u_lira"] += found
        content |= {
            **record(__file__, jobs),
            "configs": {f"{path.parent.name}/{path.name}": path.read_text() for job in jobs for path in job.configs},
            "red_team": red_team_json("full", "original of another seed"),
            **{"versions": versions(), "hardware": machine},
            "failed": [job.folder.name for job in jobs if not job.finished()],
        }
        write_json(content, options.output)  # after every class, so that a long run can be looked at


def _finished(method: str, jobs: Sequence[Job], sources: Sequence[Job]) -> list[Attacked]:
    """The models of a method that are finished, with their judges."""
    judges = [_weights(sources[(number + 1) % len(sources)]) for number in range(len(jobs))]
    return [
        Attacked(method, number, _weights(job), judge)
        for number, (job, judge) in enumerate(zip(jobs, judges, strict=True))
        if job.finished()
    ]


if __name__ == "__main__":
    main()
