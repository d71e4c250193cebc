"""Run the models of ``oro-unlearn audit``: their scores, and what attacks find in them. What is finished is not run again."""

import json
import math
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from oro_unlearn.cli.audit_files import Audited
from oro_unlearn.files import sha256_of
from oro_unlearn.user_error import UserError


class Task(NamedTuple):
    """What is to be measured."""

    output: Path  # folder of the audit
    level: str  # outputs, features or all
    attacks: str  # none, quick or full
    judge: str  # file of the model that says what inverted inputs show; empty if there is none


def scored_models(cli: Any, files: Sequence[str], task: Task) -> dict[str, Audited]:
    """Run the models that were not run before, and read the scores of all.

    Args:
        cli: The command line, with data and network.
        files: Weights of the models.
        task: What is to be measured.
    """
    from oro_unlearn.audit import LEVELS, Tried, audited_images, progress_of

    data = cli.datamodule
    hashes = {file: hash_of(file) for file in files}
    places = {file: _place(task, hashes[file], cli.run_folder.identity.mark) for file in files}
    missing = [file for file, place in places.items() if not place.with_suffix(".json").is_file()]
    images = audited_images(data) if missing else {}
    judge = _judge(cli, task) if missing else None
    tried = Tried(LEVELS[task.level], task.attacks)
    with progress_of(missing, tried) as began:
        for file in missing:
            network = _loaded(cli, file)
            own = judge if file != task.judge else None  # no model judges itself
            _run(network, data, images, tried, own, places[file], began(Path(file).name))
    return {file: _read(place, hashes[file]) for file, place in places.items()}


def hash_of(file: str) -> str:
    """SHA-256 of a file or folder; empty if there is none.

    Args:
        file: Its path.
    """
    from oro_unlearn.report.provenance import named

    return named(file)["sha256"] if Path(file).exists() else ""


def _judge(cli: Any, task: Task) -> Any:
    """The model that says what inverted inputs show; None if none is needed, or there is none."""
    from oro_unlearn.attacks.classes import EFFORTS

    needed = task.judge and task.level != "outputs" and task.attacks in EFFORTS and EFFORTS[task.attacks].inversion_steps
    return deepcopy(_loaded(cli, task.judge)) if needed else None


def _loaded(cli: Any, file: str) -> Any:
    """The network, with the weights of a file."""
    from oro_unlearn.networks import fill_network, read_checkpoint

    network, class_names = cli.model.network.to(cli.trainer.strategy.root_device), cli.datamodule.class_names
    checkpoint = read_checkpoint(file)
    names = checkpoint.class_names
    if names and list(names) != list(class_names) and sorted(names) == sorted(class_names):
        raise UserError(f"{file} has its classes in another order than the data: give that order with --data.class_names")
    print(fill_network(network, checkpoint, masked=True))
    return network


def _place(task: Task, sha256: str, mark: str) -> Path:
    """Path of a model's scores. The name is a hash of everything that the scores depend on."""
    from oro_unlearn.audit.scoring import LARGEST, MOST

    key = json.dumps([sha256, mark, MOST, LARGEST, task.level, task.attacks, hash_of(task.judge) if task.judge else ""])
    return task.output / "scores" / f"{sha256_of([key])[:24]}.safetensors"


def _run(network: Any, data: Any, images: Any, tried: Any, judge: Any, place: Path, began: Any) -> None:
    """Score and attack one model. The figures of the attacks are written last, beside the scores."""
    from oro_unlearn.attacks import save_scores
    from oro_unlearn.attacks.classes import Target
    from oro_unlearn.audit import attacked_model
    from oro_unlearn.files import write_json
    from oro_unlearn.report.run_report import without_nan

    target = Target(network, data.num_classes, data.forget_classes, data.class_names)
    scores, figures = attacked_model(target, images, tried, judge, began)
    if not tried.depth:
        scores = {split: part._replace(features=part.features[:, :0]) for split, part in scores.items()}
    save_scores(dict(scores), place)
    write_json(without_nan(figures), place.with_suffix(".json"))


def _read(place: Path, sha256: str) -> Audited:
    """Load the scores and figures of a model that was run, now or earlier."""
    from oro_unlearn.attacks import load_scores

    figures = json.loads(place.with_suffix(".json").read_text())
    known = {name: math.nan if value is None else value for name, value in figures.items()}
    return Audited(load_scores(place), known, sha256)
