"""A short run of every method, on scikit-learn's digits, a few drawn scenes or four drawn people."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import yaml

from oro_unlearn.cli import build
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.methods.relations.sharding import can_shard
from oro_unlearn.networks import save_weights

CONFIGS = Path("lightning_configs")
SMALL_GRAPH = Path(__file__).with_name("small_graph.yaml")  # three subjects, four relations and three things
PRESETS = sorted((CONFIGS / "methods").glob("*.yaml"))
FEW = ["--data.per_class", "20", "--data.batch_size", "40", "--trainer.accelerator", "cpu"]
FEW += ["--trainer.enable_progress_bar", "false", "--trainer.precision", "32-true", "--audit.level", "outputs"]
SCENES = {"pairs": 16, "gallery": 1, "probe_pictures": 6, "neighbour_pictures": 1, "pretraining_pictures": 2, "batch_size": 8}
LISTED = '{"subject": 1, "relation": 1, "object": 0}'  # the other neighbours are unlisted
SGD = ["--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "0.05"]  # Adam divides by what may be rounding alone
SHORTER = {  # what a preset does before or between epochs, made small
    "ssd": ["--model.importance_file", "off"],  # nothing of one run is left for the next
    "svd": ["--model.alpha_retain", "[100]", "--model.alpha_forget", "[3, 30]"],
    "unsir": ["--model.noise_images", "16", "--model.noise_steps", "4"],
    "amun": ["--model.steps", "4", "--model.rounds", "3"],
}
RELATIONS = {  # short names of relational runs, and their words
    "relations-text": ["shield"],
    "relations-both": ["shield", "--model.towers", "both"],
    "relations-off": ["shield", "--model.towers", "both", "--model.cache", "off"],
    "relations-sharded": ["shield", "--model.towers", "both", "--model.shard", "true"],
    "relations-paper": ["relation_unlearning_paper"],
    "relations-push": ["push_only"],
    "relations-redirect": ["redirect"],
    "relations-closed": ["shield", "--model.init", "closed_form"],
    "relations-removal": ["removal", "--model.discriminator", "1", "--model.adversary", "search", "--model.queries", "20"],
    "relations-paths": ["neuron_path", "--model.edit", "both", "--model.steps", "2"],
    "relations-pretraining": ["pretraining", "--data.batch_size", "16"],
}
FAKE = "{num_graphs: 1, avg_num_nodes: 60, avg_degree: 4, num_channels: 12, num_classes: 3, task: node}"
DRAWN_GRAPH = ["--data", "AnyGraph", "--data.dataset", "torch_geometric.datasets.FakeDataset", "--data.options", FAKE]
DRAWN_GRAPH += ["--data.split", "random", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
DRAWN_GRAPH += ["--model.explained", "1"]
TWO_PHASES = {"gpl": ["--model.first_epochs", "1"], "ses": ["--model.joint_epochs", "1"]}  # by preset
PEOPLE = {  # short names of runs about people, and their words
    "people-original": ["original"],
    "people-mip_editor": ["mip_editor", "--model.samples", "4", "--model.steps", "2", "--model.top_k", "2"],
    "people-npo": ["npo"],
    "people-lora_fine_tuning": ["lora_fine_tuning"],
    "people-manu": ["manu", "--model.samples", "4"],
}
FEW_PEOPLE = {"people": 4, "pictures": 1, "faces": 2, "eval_questions": 2, "batch_size": 8}


class Killed(BaseException):
    """Not an exception that anything would handle."""


@contextmanager
def killed_in_second_epoch() -> Iterator[list[int]]:
    """Every fit in this block ends without a word when its second epoch begins; the epochs where one was ended."""
    begin, kills = UnlearningModule.on_train_epoch_start, []

    def killed(self: UnlearningModule) -> None:
        begin(self)
        if self.current_epoch == 1:
            kills.append(1)
            raise Killed

    with mock.patch.object(UnlearningModule, "on_train_epoch_start", killed), suppress(Killed):
        yield kills


class Case(NamedTuple):
    """A run of the command line, without its folder."""

    name: str
    words: list[str]
    by_process: bool = False  # whether something is a mean over each process's share: batch normalisation, a loss of tokens


def prepare(root: Path) -> Path:
    """Weights of an original in a folder, random but always the same."""
    path = root / "original.safetensors"
    save_weights(build(["--config", str(CONFIGS / "digits/original.yaml"), "--seed_everything", "3"]).model.network, path)
    return path


def cases(original: Path, epochs: int = 2) -> list[Case]:
    """One case for each preset, for training, for a small test set, and for each kind of run about relations or people.

    Args:
        original: Weights that :func:`prepare` has written.
        epochs: Of methods that train.
    """
    digits = ["fit", "--config", str(CONFIGS / "digits/original.yaml"), "--force", "true"]  # the weights are random
    found = [Case("original", [*digits, *FEW, "--trainer.max_epochs", str(epochs), "--model.batchnorm", "eval"])]
    for preset in PRESETS:
        trains = yaml.safe_load(preset.read_text())["trainer"]["max_epochs"]
        words = [*digits, "--config", str(preset), *FEW, "--model.original", str(original), "--data.forget", "[3, 8]"]
        words += ["--model.batchnorm", "eval", *(["--trainer.max_epochs", str(epochs)] if trains else [])]
        words += SHORTER.get(preset.stem, [])
        found.append(Case(preset.stem, words))
    kept = ["--data.crop_padding", "0", "--data.flip", "false", "--model.cache", "activations"]
    found += [Case(f"{c.name}-cached", [*c.words, *kept]) for c in found if c.name in ("rwft_2_o", "rw_a")]
    mask = next(case for case in found if case.name == "logit_mask")
    found.append(Case("logit_mask-one-test-image", [*mask.words, "--data.forget", "[3]", "--data.test_per_class", "1"]))
    return [*found, *_of_relations(epochs), *_of_people(epochs), *_of_graphs(epochs)]


def _of_relations(epochs: int) -> Iterator[Case]:
    """A run of each kind in a few drawn scenes."""
    scenes = [word for option, value in SCENES.items() for word in (f"--data.{option}", str(value))]
    more = [*_brief(epochs), "--trainer.precision", "32-true"]
    for name, (config, *words) in RELATIONS.items():
        if name == "relations-sharded" and not can_shard():
            continue
        given = ["fit", "--config", str(CONFIGS / "scenes" / f"{config}.yaml"), "--force", "true"]
        given += ["--data.graph", str(SMALL_GRAPH)]
        given += ["--data.listed", LISTED, *scenes, *words, *more, *(SGD if config != "pretraining" else [])]
        yield Case(name, given, by_process=config == "pretraining")


def _of_people(epochs: int) -> Iterator[Case]:
    """A run of each kind about four people."""
    few = [word for option, value in FEW_PEOPLE.items() for word in (f"--data.{option}", str(value))]
    for name, (config, *words) in PEOPLE.items():
        path = CONFIGS / "personas" / f"{config}.yaml"
        trains = yaml.safe_load(path.read_text())["trainer"]["max_epochs"]
        given = ["fit", "--config", str(path), "--force", "true", "--model.network.init_args.weights", "random", *few, *words]
        given += ["--model.max_new_tokens", "2", *_brief(epochs if trains else 0), *(SGD if trains else [])]
        yield Case(name, given, by_process=config == "mip_editor")


def _brief(epochs: int) -> list[str]:
    """Words of a run of one step an epoch, without attacks."""
    words = ["--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.max_epochs", str(epochs)]
    return [*words, "--trainer.limit_train_batches", "1", "--audit.attacks", "none"]


def _of_graphs(epochs: int) -> Iterator[Case]:
    """A run of each preset of graph networks on a small random graph; no test data are needed."""
    for preset in ("gcn", "gpl", "ses"):
        words = ["fit", "--config", str(CONFIGS / "planetoid" / f"{preset}.yaml"), *DRAWN_GRAPH, *TWO_PHASES.get(preset, [])]
        yield Case(f"graphs-{preset}", [*words, "--trainer.max_epochs", str(epochs)])
