"""``oro-unlearn audit --verify``: train small models that never saw the forgotten classes, and keep them."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from oro_unlearn.cli.command_words import CONFIG, given
from oro_unlearn.files import sha256_of
from oro_unlearn.user_error import UserError

FEWEST = 3  # verification models of each share
SEED = 2000  # first seed, so that no verification model has the seed of another model
METHOD = "oro_unlearn.methods.Retraining"
QUIET = ["--audit.level", "outputs", "--trainer.enable_progress_bar", "false", "--trainer.logger", "false"]


class Small(NamedTuple):
    """One verification model."""

    share: float  # share of the retained training images that it is trained on
    folder: Path  # its name has a hash of everything that the model depends on
    words: list[str]  # the words after ``oro-unlearn`` that train it

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return self.folder / "model.safetensors"

    @property
    def finished(self) -> bool:
        """Whether it is trained. A run writes its report last."""
        return self.weights.is_file() and (self.folder / "report.json").is_file()


def check_verify(count: int | None, level: str, retrained: Sequence[str], outputs: bool, relation: bool) -> None:
    """Check the option ``--verify``, before anything is read or trained.

    Args:
        count: Value of the option; None if it was not given.
        level: Level of the audit.
        retrained: Files of retrained models.
        outputs: Whether saved outputs are audited.
        relation: Whether the data are pictures of relations.

    Raises:
        UserError: If verification models cannot be trained or cannot say anything.
    """
    if count is None:
        return
    if outputs or relation:
        what = "saved outputs (.npz) have no weights" if outputs else "relations have no classes"
        raise UserError(f"audit: --verify compares the weights of classifiers, but {what}: leave it out")
    if retrained:
        raise UserError("audit: give --verify or --retrained, not both: retrained models are the better reference")
    if level == "outputs":
        raise UserError("audit: --verify compares features: use it with --level features or all")
    if count < FEWEST:
        raise UserError(f"audit: --verify takes {FEWEST} or more models of each size, not {count}: fewer show no spread")


def verification_models(others: Sequence[str], mark: str, folder: Path, count: int, retained: int) -> dict[float, list[str]]:
    """Train the missing verification models, one after the other.

    The recipe is ``retrained.yaml`` beside the first file of ``--config``; if there is none, the file itself. A stopped
    training goes on where its last checkpoint is.

    Args:
        others: Options of data and network, including ``--config``.
        mark: Hash of the data, the code and all options.
        folder: Folder for the models.
        count: Number of models of each share.
        retained: Number of retained training images.

    Returns:
        The files of the weights, by share.

    Raises:
        UserError: If no recipe is given.
    """
    from rich.progress import track

    configs = _recipe(others)
    models = _planned(configs, others, mark, folder, count)
    missing = [model for model in models if not model.finished]
    shares = dict.fromkeys(model.share for model in models)
    each = " and ".join(f"{count} on {share * retained:,.0f} images each" for share in shares)
    recipe = "/".join(Path(configs[0]).parts[-2:])
    print(
        f"verification (experimental): {len(models)} models, {each}, by the recipe {recipe}; together they read "
        f"{count * sum(shares):.2f} times the images of one retraining; {len(missing)} still to train",
        flush=True,
    )
    for model in track(missing, "training verification models", transient=True):
        _train(model)
    return {share: [str(model.weights) for model in models if model.share == share] for share in shares}


def _recipe(others: Sequence[str]) -> list[str]:
    """The configuration files of a training."""
    from oro_unlearn.cli.presets import config_path

    configs = [config_path(value) for name, value in given(others) if name in CONFIG]
    if not configs:
        raise UserError("audit: --verify trains models: name their recipe with --config, such as digits/original.yaml")
    beside = Path(configs[0]).with_name("retrained.yaml")
    return [str(beside) if beside.is_file() else configs[0], *configs[1:]]


def _planned(configs: Sequence[str], others: Sequence[str], mark: str, folder: Path, count: int) -> list[Small]:
    """All verification models. The parts of the data are disjoint as long as they fit."""
    from oro_unlearn.audit import SHARES

    files = [word for config in configs for word in ("--config", config)]
    options = without_configs(others)
    recipe = [Path(config).read_text() for config in configs]
    models = []
    for number, share in enumerate(SHARES):
        for part in range(count):
            own = ["--data.train_share", str(share), "--data.train_part", str(part)]
            own += ["--seed_everything", str(SEED + 100 * number + part)]
            key = sha256_of([json.dumps([mark, recipe, options, own])])
            place = folder / f"{100 * share:g}-{part}-{key[:16]}"
            root = ["--trainer.default_root_dir", str(place)]
            models.append(Small(share, place, ["fit", *files, "--model", METHOD, *options, *own, *root, *QUIET]))
    return models


def without_configs(words: Sequence[str]) -> list[str]:
    """The words without ``--config`` and its values."""
    kept = []
    for place, word in enumerate(words):
        is_value = place > 0 and words[place - 1] in CONFIG
        if not is_value and word.partition("=")[0] not in CONFIG:
            kept.append(word)
    return kept


def _train(model: Small) -> None:
    """Train a model in this process. What it prints goes to ``training.log`` in its folder."""
    from oro_unlearn.cli.unlearning_cli import main

    model.folder.mkdir(parents=True, exist_ok=True)
    with (model.folder / "training.log").open("w") as log, contextlib.redirect_stdout(log):
        main(model.words)
