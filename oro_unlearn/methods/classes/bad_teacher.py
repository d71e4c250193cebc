"""Two teachers: a random network for the forget set, and the original for the retain set."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class BadTeacher(ClassUnlearning):
    """A random network teaches the forget set, the original a share of the retain set (Chundawat et al., AAAI 2023).

    Both losses are KL(teacher || student), averaged over samples; no label is read. The official code divides by B K instead
    of B. With SGD, divide its learning rate by K here; with its optimizer, Adam, nothing changes.

    Args:
        retain_share: Share of the retain set that is read, in (0, 1]; it always consists of the same samples.
        temperature: Temperature of the softmax of all three networks.
        seed: Seed of the random network and of the share. None: the run's seed (``seed_everything``).
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If the share is outside (0, 1].
    """

    forgets_samples = True
    train_splits = ("forget", "retain_share")
    teacher_splits = ("forget", "retain_share")

    def __init__(self, retain_share: float = 0.3, temperature: float = 1.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < retain_share <= 1:
            raise UserError(f"--model.retain_share is the share of the retain set to read, in (0, 1], not {retain_share}")
        self.retain_share, self.temperature, self.seed = retain_share, temperature, seed
        self.bad_teacher = self._random_network()  # kept in the checkpoint, not exported

    def _random_network(self) -> nn.Module:
        """The network with weights drawn from a separate random stream, in eval mode; this also replaces pretrained weights."""
        network = self.fresh_network("bad teacher")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.stream("bad teacher", self.seed))
            for module in network.modules():
                reset = getattr(module, "reset_parameters", None)
                if callable(reset):
                    reset()
        return network.requires_grad_(False).eval()

    def setup(self, stage: str) -> None:
        """Choose the share of the retain set."""
        super().setup(stage)
        retain = self.data.split("retain")
        order = torch.randperm(len(retain), generator=torch.Generator().manual_seed(self.stream("retain share", self.seed)))
        chosen = order[: max(1, round(self.retain_share * len(retain)))].sort().values
        self.data.add_split("retain_share", retain.subset(retain.positions[chosen]))

    def train(self, mode: bool = True) -> "BadTeacher":
        """Set training mode for the edited network only."""
        super().train(mode)
        self.bad_teacher.eval()
        return self

    def losses(self, forget: Batch, retain_share: Batch) -> dict[str, Tensor]:
        """``forget``: KL from the random network; ``retain``: KL from the original. One forward pass of the student."""
        images = [forget.images, retain_share.images]
        logits = self(torch.cat(images)).float().split([len(part) for part in images])
        teachers = {"forget": self.taught("forget", forget), "retain": self.taught("retain_share", retain_share)}
        return {name: self._divergence(z, teachers[name]) for name, z in zip(teachers, logits, strict=True)}

    @torch.no_grad()
    def teacher_outputs(self, split: str, batch: Batch) -> Tensor:
        """Logits (B, K): of the random network for forget images, of the original for retain images."""
        return self._probe(self.bad_teacher, batch.images) if split == "forget" else self.original_logits(batch.images)

    def _divergence(self, logits: Tensor, teacher: Tensor) -> Tensor:
        student, target = ((z / self.temperature).log_softmax(1) for z in (logits, teacher))
        return kl_div(student, target, reduction="batchmean", log_target=True)
