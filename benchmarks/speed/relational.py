"""A training step of relational unlearning with its cache against the naive step, timed in turn on equal weights and batches.

    python -m benchmarks.speed.relational

The recipe is that of lightning_configs/scenes/shield.yaml. It runs on that file's network and on a ViT-B-32 with
random weights, after every picture and caption was seen once. The naive step (``cache: off``) encodes pictures and captions
with the reference in each step, each caption as often as it occurs, padded to the longest caption.
Writes benchmarks/results/speed_relational.json.
"""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.nn.functional import interpolate
from torch.nn.utils import clip_grad_norm_

from benchmarks.speed.step import QUIET
from benchmarks.speed.timing import in_turn, ratio, rounded, write
from oro_unlearn.cli import build, settle
from oro_unlearn.data import Scenes

RECIPE = Path(__file__).parents[2] / "lightning_configs/scenes/shield.yaml"
TARGETS = {"text": ">= 3", "both": ">= 1.5"}
SMALL = ["--data.batch_size", "4", "--data.pairs", "8", "--model.vocab_captions", "24", "--model.tau", "0"]
VIT = ["--data", "LargeScenes", *SMALL, "--model.network.name", "ViT-B-32", "--model.network.pretrained", ""]


class LargeScenes(Scenes):
    """Drawn scenes at the size that a ViT-B-32 takes, with few captions."""

    def _drawn(self, *args: Any) -> Any:
        load = super()._drawn(*args)
        return lambda number: interpolate(load(number)[None], 224)[0]


class Side:
    """A method that has taken one step of Trainer.fit and seen every caption.

    Args:
        cache: ``auto`` or ``off``.
        words: Of the command line, laid over the recipe.
        accelerator: As in Trainer.
    """

    def __init__(self, cache: str, words: list[str], accelerator: str = "cpu") -> None:
        cli = build(["--config", str(RECIPE), *words, "--model.cache", cache])
        self.method, self.data = cli.model, cli.datamodule
        torch.manual_seed(0)
        self.trainer = Trainer(max_steps=1, accelerator=accelerator, **QUIET)
        self.trainer.fit(self.method, datamodule=self.data)
        self.method.to(self.trainer.strategy.root_device)  # which it has left
        self.optimizer = self.method.optimizer([parameter for parameter in self.method.parameters() if parameter.requires_grad])
        if cache == "auto":
            splits = [self.data.split(name) for name in self.method.train_splits]
            self.method.reference_texts([text for split in splits for text in (*split.captions, *split.attacks)])
            self.method.reference_texts([text for texts in self.data.vocabulary.values() for text in texts])
        self.method.train()
        self.batches: Any = iter(())
        self.steps = 0

    def step(self) -> Tensor:
        """One more step: batch, losses, backward, optimizer; the losses (T,)."""
        torch.manual_seed(self.steps)  # both sides draw the same pairs and captions
        self.steps += 1
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.data.train_dataloader())
            batch = next(self.batches)
        parts_by_name = self.trainer.strategy.batch_to_device(batch[0])
        groups = {name: self.method.batch_type(*parts) for name, parts in parts_by_name.items()}
        losses = torch.stack(list(self.method.losses(**groups).values()))
        self.optimizer.zero_grad()
        losses.sum().backward()
        clip_grad_norm_(self.method.parameters(), 1.0)
        self.optimizer.step()
        return losses.detach()


def compare(towers: str, network: str, words: list[str], runs: int = 11) -> dict[str, Any]:
    """A row: seconds of the steps of both sides.

    Args:
        towers: ``text`` or ``both``.
        network: Its name in the row.
        words: Laid over the recipe.
        runs: Steps that are timed.
    """
    sides = {cache: Side(cache, [*words, "--model.towers", towers]) for cache in ("off", "auto")}
    first = {cache: torch.stack(list(side.method.history[0].values())) for cache, side in sides.items()}
    seconds = in_turn({cache: side.step for cache, side in sides.items()}, runs)
    return {
        "what": f"relational training step, towers {towers}, {network}: naive vs cached",
        "ratio": ratio(seconds, "off", "auto"),
        "target": TARGETS[towers],
        "largest_difference_of_the_first_losses": float((first["off"] - first["auto"]).abs().max()),
        "seconds": rounded(seconds),
    }


def main() -> None:
    """Measure and write."""
    settle()
    rows = [compare(towers, "the recipe", []) for towers in TARGETS]
    rows += [compare(towers, "ViT-B-32 with random weights, 4 pairs a group", VIT, runs=5) for towers in TARGETS]
    write("relational", rows)


if __name__ == "__main__":
    main()
