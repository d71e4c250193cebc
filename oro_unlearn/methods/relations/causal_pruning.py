"""Remove a relation by mean-ablation of the few heads, neurons or channels that carry it."""

from copy import deepcopy
from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from oro_unlearn.methods.relations.first_look import unknown_tuples
from oro_unlearn.methods.relations.pruning_evidence import PruningEvidence, Standing
from oro_unlearn.methods.relations.several_encoders import SeveralEncoders
from oro_unlearn.methods.relations.unit_search import Step, UnitSearch
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.user_error import UserError

REASONS = {
    "forgotten": "no unsafe training picture has its caption among the first five in any training wording",
    "max_share": "max_share is reached",
    "no unit": "no further unit of the shortlist lowers the excess",
}


class CausalPruning(WithoutTraining, SeveralEncoders):
    """Replaces the activations of a few units by their means over neutral inputs. No training; ``max_epochs: 0``.

    Units are heads of attentions, neurons of MLPs and channels of a ResNet. They are chosen greedily on training pictures and
    captions alone, see :class:`UnitSearch`. The search ends when no unsafe training picture has its caption among the first
    five, in any training wording; or when ``max_share`` is reached; or when no unit helps. The report says which, and shows
    the whole trade-off. The ablation is written into the weights, so the export is a plain open_clip model of the same shape.

    Causal tracing for relations is an idea of arXiv 2603.14185; the search is ours.

    Args:
        towers: Towers whose units may be ablated: ``text``, ``image`` or ``both``.
        max_share: Largest share of a tower's activations that is ablated. A head counts as its width.
        shortlist: Number of units of each step that are evaluated exactly.
        per_step: Number of units that a step ablates. With 1 the search is the most exact and the slowest.
        points: Points between the activations and their means at which gradients are averaged.
        tolerance: Loss on captions and pictures to keep (1 - cosine) that counts as little.
        pictures: Most training pictures of each split that are used.
        captions: Most captions of the vocabulary that are used.
        picture_batch_size: Number of pictures that are encoded at once.
        retrained: Checkpoints of the same network trained without the tuple, for comparison.
        trace: As in :class:`DualEncoder`.
        kwargs: Arguments of :class:`DualEncoder`.

    Raises:
        UserError: If a number is out of range, a tower has no such units, or weights do not fit.
    """

    def __init__(
        self,
        towers: Literal["both", "text", "image"] = "text",
        max_share: float = 0.02,
        shortlist: int = 12,
        per_step: int = 4,
        points: int = 2,
        tolerance: float = 0.005,
        pictures: int = 48,
        captions: int = 256,
        picture_batch_size: int = 64,
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        trace: int = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(trace=trace, **kwargs)
        if not 0 < max_share <= 1 or tolerance <= 0:
            raise UserError(f"--model.max_share is in (0, 1] and tolerance above 0, not {max_share} and {tolerance}")
        if min(shortlist, per_step, points, pictures, picture_batch_size) < 1 or captions < 6:
            numbers = "--model.shortlist, per_step, points, pictures and picture_batch_size"
            raise UserError(f"{numbers} are 1 or more, and captions 6 or more")
        self.towers, self.max_share, self.points = towers, max_share, points
        self.shortlist, self.per_step = shortlist, per_step
        self.tolerance, self.pictures, self.captions = tolerance, pictures, captions
        self.picture_batch_size, self.retrained_paths = picture_batch_size, list(retrained)
        self.pruning: dict[str, Any] = {}  # what the search found; kept in the checkpoint

    def setup(self, stage: str) -> None:
        """Load the original and the models to compare with, once."""
        if self.networks:
            return
        super().setup(stage)
        networks = {"original": deepcopy(self.network), "unlearned": self.network}
        for number, path in enumerate(self.retrained_paths):
            networks[f"retrained_{number}"] = deepcopy(self.network)
            networks[f"retrained_{number}"].load_weights(path)
        self.networks = nn.ModuleDict(networks).requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "CausalPruning":
        """Every network stays in eval mode."""
        super().train(mode)
        self.networks.eval()
        return self

    def first_look(self) -> list[str]:
        """Check that the original ranks the unsafe caption of an unsafe picture high among the gallery's safe captions."""
        return unknown_tuples(self, self.picture_batch_size)

    def first_words(self) -> list[str]:
        """Those of every edit, and a sentence for a search that ended too early."""
        found, words = self.pruning, super().first_words()
        if not found or found["stopped"] == "forgotten":
            return words
        last, reason = found["steps"][-1] if found["steps"] else found["before"], REASONS[found["stopped"]]
        return [
            *words,
            f"The search ended before the relation was gone ({reason}): R@5 of the training wordings is at most "
            f"{last['worst']:.2f}; raise --model.max_share, or choose other --model.towers.",
        ]

    def on_fit_start(self) -> None:
        """Search, and ablate in the weights; not again in a resumed run."""
        super().on_fit_start()
        if self.pruning:
            return
        with torch.autocast(self.device.type, enabled=False):
            self.pruning = self._search()
        rank_zero_only(print)(self.summary())

    def _search(self) -> dict[str, Any]:
        evidence = PruningEvidence(self.data, self.pictures, self.captions)
        sizes = {"text": self.text_batch_size, "image": self.picture_batch_size}
        towers = ("text", "image") if self.towers == "both" else (self.towers,)
        search = UnitSearch(
            self.network, evidence, towers, self.max_share, self.shortlist, self.per_step, self.points, self.tolerance, sizes
        )
        before = search.standing()
        steps = list(search.steps())
        self.images_read += search.pictures_read
        self.images_backward += search.pictures_backward
        after = search.standing()
        stopped = "forgotten" if after.worst == 0 else "max_share" if search.is_full() else "no unit"
        shares = {
            tower: {
                "units": sum(unit.site.tower == tower for unit in search.ablated),
                "activations": round(search.share(tower) * total),
                "of": total,
                "share": search.share(tower),
            }
            for tower, total in search.totals.items()
        }
        return {"stopped": stopped, "before": before._asdict(), "towers": shares, "steps": list(map(_as_json, steps))}

    def summary(self) -> str:
        """What the search found, in one line."""
        shares = [f"{found['units']} units ({found['share']:.1%} of the {tower} tower's activations)"
                  for tower, found in self.pruning["towers"].items()]  # fmt: skip
        last = self.pruning["steps"][-1] if self.pruning["steps"] else self.pruning["before"]
        return (
            f"ablated {' and '.join(shares)}; ended because {REASONS[self.pruning['stopped']]}; training pictures: R@5 plain "
            f"{last['plain']:.2f}, worst wording {last['worst']:.2f}, R@1 of neighbours {last['neighbours']:.2f} "
            f"({self.pruning['before']['neighbours']:.2f} before)"
        )

    def on_test_epoch_end(self) -> None:
        """Add the search to the measurements."""
        super().on_test_epoch_end()
        if self.pruning:
            self.measurements["pruning"] = self.pruning

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the edited network and the search, and leave out the models that are inputs."""
        super().on_save_checkpoint(checkpoint)
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: value for name, value in state.items() if not name.startswith("networks.")}
        checkpoint["pruning"] = self.pruning

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back the models that are inputs."""
        super().on_load_checkpoint(checkpoint)
        state, edited = checkpoint["state_dict"], "networks.unlearned."
        for name, value in self.state_dict().items():
            if name.startswith("networks."):
                state[name] = state[f"network.{name.removeprefix(edited)}"] if name.startswith(edited) else value
        self.pruning = checkpoint.get("pruning", {})


def _as_json(step: Step) -> dict[str, Any]:
    """A step as a report keeps it."""
    standing: Standing = step.standing
    return {"units": [unit.name for unit in step.units], "share": step.share, "loss": step.loss, **standing._asdict()}
