"""Impair the network with noise that maximises its error, then repair it."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Adam

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.user_error import UserError


class UNSIR(ClassUnlearning):
    """UNSIR: learn noise with the largest error for the forgotten class, train on it with that class as label, then repair.

    Tarun et al. (IEEE TNNLS 2023), "Fast Yet Effective Machine Unlearning". The noise maximises the original's cross-entropy
    with the forgotten class. The first ``impair_epochs`` mix the noise with a subset of the retain set. The other epochs
    repair the network on that subset alone. Forget images are never read.

    Args:
        samples_per_class: Images of each retained class in the subset; a smaller class gives all its images.
        noise_images: Number of noise images for each forgotten class.
        noise_copies: Number of times that each noise image is used in an impair epoch.
        noise_steps: Steps of Adam on the noise.
        noise_lr: Learning rate of these steps.
        noise_penalty: Weight of the squared norm of a noise image.
        impair_epochs: Number of epochs with noise, before the epochs that repair.
        seed: Seed of the subset and of the noise. None: the run's seed (``seed_everything``).
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If ``samples_per_class`` or ``noise_images`` is not positive.
    """

    train_splits = ("retain_subset",)

    def __init__(
        self,
        samples_per_class: int = 1000,
        noise_images: int = 256,
        noise_copies: int = 20,
        noise_steps: int = 40,
        noise_lr: float = 0.1,
        noise_penalty: float = 0.1,
        impair_epochs: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(samples_per_class, noise_images) < 1:
            raise UserError(
                f"--model.samples_per_class ({samples_per_class}) and --model.noise_images ({noise_images}) must be at least 1"
            )
        self.samples_per_class, self.noise_images, self.noise_copies = samples_per_class, noise_images, noise_copies
        self.noise_steps, self.noise_lr, self.noise_penalty = noise_steps, noise_lr, noise_penalty
        self.impair_epochs, self.seed = impair_epochs, seed

    def setup(self, stage: str) -> None:
        """Choose the subset of the retain set."""
        super().setup(stage)
        retain = self.data.split("retain")
        generator = torch.Generator().manual_seed(self.stream("retain subset", self.seed))
        order = retain.positions[torch.randperm(len(retain), generator=generator)]
        labels = retain.labels[order]
        chosen = [order[labels == label][: self.samples_per_class] for label in labels.unique()]
        self.data.add_split("retain_subset", retain.subset(torch.cat(chosen)))

    def on_fit_start(self) -> None:
        """Learn the noise."""
        super().on_fit_start()
        generator = torch.Generator().manual_seed(self.stream("noise", self.seed))
        self.noise_labels = torch.tensor(self.forget_classes, device=self.device).repeat_interleave(self.noise_images)
        self.noise = torch.cat([self._learn_noise(label, generator) for label in self.forget_classes])

    def losses(self, retain_subset: Batch) -> dict[str, Tensor]:
        """Cross-entropy on the subset: ``impair`` with noise images labelled as forgotten classes, ``repair`` without noise."""
        images, labels = retain_subset.images, retain_subset.labels
        if self.current_epoch >= self.impair_epochs:
            return {"repair": cross_entropy(self(images).float(), labels)}
        rank, world = self.trainer.global_rank, self.trainer.world_size
        count = round(len(labels) * world * self.noise_copies * len(self.noise) / len(self.data.split("retain_subset")))
        rows = torch.randint(len(self.noise), (count,), device=self.device)[rank::world]  # drawn for all processes
        of_others = count - world * len(rows)  # correction of the counts if the rows do not divide evenly
        self.images_read, self.images_backward = self.images_read + of_others, self.images_backward + of_others
        everything = len(labels) + count / world  # on average over the processes
        images, labels = torch.cat([images, self.noise[rows]]), torch.cat([labels, self.noise_labels[rows]])
        return {"impair": cross_entropy(self(images).float(), labels, reduction="sum") / everything}

    def _learn_noise(self, label: int, generator: torch.Generator) -> Tensor:
        assert self.original is not None
        start = torch.randn(self.noise_images, *self.example_images().shape[1:], generator=generator)
        noise = start.to(self.device).requires_grad_()
        optimizer, labels = Adam([noise], lr=self.noise_lr), torch.full((self.noise_images,), label, device=self.device)
        for _ in range(self.noise_steps):
            penalty = self.noise_penalty * noise.square().flatten(1).sum(1).mean()
            loss = penalty - cross_entropy(self._probe(self.original, noise), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return noise.detach()
