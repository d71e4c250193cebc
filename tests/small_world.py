"""A world of three subjects, four relations and three things: runs in it take seconds."""

import json
from functools import cache
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from oro_unlearn.data import Scenes
from oro_unlearn.methods import RelationUnlearning
from oro_unlearn.methods.relations.dual_encoder import DualEncoder, Pairs
from oro_unlearn.networks import OpenCLIP, save_weights
from oro_unlearn.networks.clip_weights import OWN_WEIGHTS, SCENES
from tests.networks.tiny_clip import randomised
from tests.reliability.small_runs import SMALL_GRAPH

GRAPH = SMALL_GRAPH.read_text()
SHIPPED = SCENES / OWN_WEIGHTS[0]  # the weights of the small CLIP model
SIZES = {"pairs": 16, "gallery": 1, "probe_pictures": 6, "neighbour_pictures": 1, "pretraining_pictures": 1}
LISTED = {"subject": 1, "relation": 1, "object": 0}  # the other neighbours are unlisted
FEW_PICTURES = [word for name, value in SIZES.items() for word in (f"--data.{name}", str(value))]
ONE_BATCH = ["--data.batch_size", "16", "--trainer.max_epochs", "2"]  # an epoch is one step
LOSSES = ("l3_unsafe", "l2_nodes", "l1_edges", "l4_neutral", "lc_consistency", "ladv_adversarial", "kl_rows", "vocab_text")


def write_graph(path: str | Path = "graph.yaml") -> str:
    """The graph as a file."""
    Path(path).write_text(GRAPH)
    return str(path)


@cache
def _weights(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return randomised(OpenCLIP("scenes", pretrained="")).merged_state()


def write_weights(path: str | Path = "base.safetensors", seed: int = 0) -> str:
    """Random weights of the small CLIP model as a file, in the place of the shipped ones."""
    save_weights(_weights(seed), path)
    return str(path)


def shipped() -> list[str]:
    """Words that make a config of the scenes run: random weights while the shipped ones are missing."""
    return [] if SHIPPED.is_file() else ["--model.network.init_args.pretrained", write_weights()]


def world(**options) -> Scenes:
    """The data."""
    return Scenes(**{"graph": write_graph(), "batch_size": 8, "listed": LISTED, **SIZES, **options})


def method(kind: type[DualEncoder] = RelationUnlearning, weights: str = "", **options) -> DualEncoder:
    """A method on the random base."""
    weights = weights or write_weights()
    return kind(network=lambda: OpenCLIP("scenes", pretrained=weights), **options)


def fit(module: DualEncoder, data: Scenes | None = None, steps: int = 2, **options) -> Trainer:
    """Train for some steps; the data module stays with the trainer."""
    torch.manual_seed(0)
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, data or world())
    return trainer


def batch(data: Scenes, split: str, count: int = 5) -> Pairs:
    """The first pairs of a split."""
    return Pairs(*data.split(split).__getitems__(range(count)))


def arguments(folder: Path, config: Path) -> list[str]:
    """Words after ``fit`` or ``test`` for a config of the scenes in this world, with files in a folder."""
    return [
        *("--config", str(config), "--data.graph", write_graph(folder / "graph.yaml"), "--data.listed", json.dumps(LISTED)),
        *("--model.network.init_args.pretrained", write_weights(folder / "base.safetensors"), *FEW_PICTURES),
        *("--data.batch_size", "8", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
        *("--force", "true", "--audit.attacks", "none"),  # the weights are random; a search takes longer than the run
    ]
