"""A student that disobeys its teacher on the forget set and follows it on the retain set."""

from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class SCRUB(ClassUnlearning):
    """Alternately moves away from the original on the forget set and towards it on the retain set.

    Kurmanji et al. (NeurIPS 2023). An epoch of the trainer is one pass over one set: forget, retain, forget, retain, ... until
    the forget set was read ``max_steps`` times, then only the retain set. So m rounds of the paper are m + ``max_steps``
    epochs.

    Args:
        max_steps: Number of passes over the forget set.
        temperature: T of the divergence T^2 KL(original || student).
        divergence_weight: Weight of the divergence on the retain set, the paper's alpha.
        label_weight: Weight of the cross-entropy on the retain set, the paper's gamma.
        rewind: SCRUB+R: choose the final network among those after each pass over the retain set. It is the one whose error on
            the forget set is closest to the last network's error on held-out images of the same classes (of all classes if
            single samples are forgotten). ``--data.holdout`` takes these images from the training split; the test split is
            never read.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If ``rewind`` is set and no images are held out.
    """

    forgets_samples = True
    teacher_splits = ("forget", "retain")

    def __init__(
        self,
        max_steps: int = 2,
        temperature: float = 4.0,
        divergence_weight: float = 0.001,
        label_weight: float = 0.99,
        rewind: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_steps, self.temperature, self.rewind = max_steps, temperature, rewind
        self.divergence_weight, self.label_weight = divergence_weight, label_weight
        self._kept: list[tuple[float, dict[str, Tensor]]] = []  # forget error and weights after each retain pass

    def ascends(self, epoch: int) -> bool:
        """Whether an epoch is a pass over the forget set."""
        return 0 <= epoch < 2 * self.max_steps and epoch % 2 == 0

    @property
    def train_splits(self) -> tuple[str, ...]:  # type: ignore[override]
        """The set of the current epoch."""
        return ("forget",) if self.ascends(self.current_epoch) else ("retain",)

    def setup(self, stage: str) -> None:
        """Check that images are held out if ``rewind`` needs them, and reload the data in each epoch for the phases."""
        trainer: Any = self.trainer
        if stage == "fit" and self.ascends(trainer.max_epochs - 1):
            rank_zero_warn("the last epoch is one on the forget set, which ruins the network: add 1 to --trainer.max_epochs")
        if stage == "fit" and self.rewind and not self.data.holdout:
            raise UserError("--model.rewind needs images that were held out: set --data.holdout, for the original too")
        super().setup(stage)
        trainer.reload_dataloaders_every_n_epochs = 1

    def losses(self, forget: Batch | None = None, retain: Batch | None = None) -> dict[str, Tensor]:
        """``forget``: minus the divergence; or ``retain`` and ``divergence``, weighted."""
        if forget is not None:
            return {"forget": -self.divergence(self(forget.images).float(), self.taught("forget", forget))}
        assert retain is not None
        logits = self(retain.images).float()
        return {
            "retain": self.label_weight * cross_entropy(logits, retain.labels),
            "divergence": self.divergence_weight * self.divergence(logits, self.taught("retain", retain)),
        }

    def divergence(self, logits: Tensor, original: Tensor) -> Tensor:
        """Mean T^2 KL(original || student) of the two networks' logits (B, K), softened by the temperature T."""
        student, teacher = ((z / self.temperature).log_softmax(1) for z in (logits, original))
        return self.temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)

    def on_train_epoch_end(self) -> None:
        """Keep the weights; after the last epoch, choose among them before the checkpoint is written."""
        super().on_train_epoch_end()
        if self.rewind and not self.ascends(self.current_epoch):
            state = {name: value.detach().cpu().clone() for name, value in self.network.state_dict().items()}
            self._kept.append((self.error("forget"), state))
            if self.current_epoch + 1 == self.trainer.max_epochs:
                self.network.load_state_dict(self.rewound())

    def rewound(self) -> dict[str, Tensor]:
        """The kept weights whose forget error is closest to the current error on held-out images; of ties, the latest."""
        aim = self.error("test_forget" if self.forget_classes else "test_retain")
        return min(reversed(self._kept), key=lambda kept: abs(kept[0] - aim))[1]

    @torch.no_grad()
    def error(self, split: str) -> float:
        """Share of a split that the network gets wrong in eval mode; under DDP all processes use the first one's value."""
        self.eval()
        right = [self._probe(self.network, batch.images).argmax(1) == batch.labels for batch in self.read(split)]
        self.train()
        return self.trainer.strategy.broadcast(1 - torch.cat(right).float().mean().item())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the weights to which a resumed run may rewind."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["kept"] = self._kept

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the weights to which the run may rewind."""
        super().on_load_checkpoint(checkpoint)
        self._kept = checkpoint["kept"]
