"""Remove from the weights the part of the input space that only the forgotten classes use."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import psutil
import torch
from lightning.pytorch.utilities import rank_zero_only
from rich.filesize import decimal
from torch import Tensor

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch, WithoutTraining
from oro_unlearn.networks.input_grams import InputGrams, InputSpace, memory_needed, weight_rows
from oro_unlearn.user_error import UserError

LARGE = 2**30  # bytes of memory above which the need is printed


class SVDUnlearning(WithoutTraining, ClassUnlearning):
    """Deep Unlearning: W (I - (I - M_r) M_f) for every linear and convolution layer, in one step and without gradients.

    Kodge et al. (TMLR 2024). M_r and M_f weight the directions of a layer's inputs on retained and on forgotten images
    (:class:`InputSpace`). If there are several pairs of alphas, the first pair with the best ACC_r (1 - ACC_f) is used. This
    is measured on training images that do not enter the matrices, never on the test split. Use ``max_epochs: 0``.

    Args:
        alpha_retain: Values of alpha for M_r; larger values protect more of the retained space.
        alpha_forget: Values of alpha for M_f; larger values remove more of the forgotten space.
        samples: Number of retained images, and of forgotten images; each class gives an equal part, rounded up.
        selection: Share of each class's training images on which the pair is chosen; not used if there is one pair.
        seed: Seed of the choice of images. None: the run's seed (``seed_everything``).
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If an argument is out of range, too few images are left to choose the pair on, or memory does not suffice.
    """

    def __init__(
        self,
        alpha_retain: list[float] = [100.0],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        alpha_forget: list[float] = [3.0],  # noqa: B006
        samples: int = 900,
        selection: float = 0.1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pairs = list(product(alpha_retain, alpha_forget))
        if not self.pairs or min(*alpha_retain, *alpha_forget, samples, selection) <= 0 or selection >= 1:
            raise UserError("--model.alpha_retain, alpha_forget and samples are above 0, and --model.selection is in (0, 1)")
        self.samples, self.selection, self.seed = samples, selection, seed

    @torch.no_grad()
    def on_fit_start(self) -> None:
        """Edit the weights."""
        super().on_fit_start()
        self.eval()
        drawn = [self._draw(split) for split in ("retain", "forget")]
        self._state_memory(max(len(measured) for measured, _ in drawn))
        spaces = [self._spaces(measured) for measured, _ in drawn]
        weights = {name: weight_rows(self.network.get_submodule(name)) for name in spaces[0]}
        scores = []
        for pair in self.pairs if len(self.pairs) > 1 else []:
            self._edit(weights, spaces, pair)
            retain, forget = (self._accuracy(held_out) for _, held_out in drawn)
            scores.append(retain * (1 - forget))
        best = self.trainer.strategy.broadcast(scores.index(max(scores)) if scores else 0)
        self._edit(weights, spaces, self.pairs[best])

    def _draw(self, split: str) -> tuple[Tensor, Tensor]:
        """Positions of the images that give the matrices, and of those that choose the alphas.

        Every class gives the same number of images for the matrices, and the same share of its images for the alphas.
        """
        data = self.data.split(split)
        generator = torch.Generator().manual_seed(self.stream("images", self.seed))
        order = data.positions[torch.randperm(len(data), generator=generator)]
        classes = [order[data.labels[order] == label] for label in data.labels[data.positions].unique()]
        share, count = self.selection if len(self.pairs) > 1 else 0.0, -(-self.samples // len(classes))
        cuts = [round(share * len(members)) for members in classes]
        held_out = torch.cat([members[:cut] for members, cut in zip(classes, cuts, strict=True)])
        measured = torch.cat([members[cut:][:count] for members, cut in zip(classes, cuts, strict=True)])
        if share and not (len(held_out) and len(measured)):
            raise UserError(
                f"the {split} set is too small to choose alphas on a part of it: give one pair, one value each of "
                "--model.alpha_retain and --model.alpha_forget"
            )
        return measured, held_out

    def _chosen(self, positions: Tensor) -> Iterator[Batch]:
        self.data.add_split("chosen", self.data.split("train").subset(positions))
        return self.batches("chosen")

    def _spaces(self, positions: Tensor) -> dict[str, InputSpace]:
        with InputGrams(self.network) as grams:
            for batch in self._chosen(positions):
                self(batch.images)
        return grams.spaces()

    def _state_memory(self, samples: int) -> None:
        """Print how much memory is needed if it is more than ``LARGE``.

        Raises:
            UserError: If more memory is needed than is free.
        """
        batch = self.data.batch_size
        image = self.laid_out(self.example_images()[:1].to(self.device).to(self.dtype))
        needed, layer = memory_needed(self.network, self.counted(image, len(image)), samples, min(batch, samples))
        free = torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else psutil.virtual_memory().available
        need = f"SVDUnlearning needs about {decimal(needed)} of memory, most of it for {layer}"
        if needed > free:
            raise UserError(f"{need}, and {decimal(free)} are free: lower --model.samples (now {self.samples})")
        if needed > LARGE:
            rank_zero_only(print)(f"{need}; {decimal(free)} are free")

    def _edit(self, weights: dict[str, Tensor], spaces: list[dict[str, InputSpace]], pair: tuple[float, float]) -> None:
        for name, weight in weights.items():
            only_forgotten = weight - spaces[0][name].restrict(weight, pair[0])
            edited = weight - spaces[1][name].restrict(only_forgotten, pair[1])
            layer: Any = self.network.get_submodule(name)
            layer.weight.copy_(edited.reshape(layer.weight.shape))

    def _accuracy(self, positions: Tensor) -> float:
        right = sum(int((self(batch.images).argmax(1) == batch.labels).sum()) for batch in self._chosen(positions))
        return right / len(positions)
