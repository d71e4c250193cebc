"""Least squares on saved moments: forgotten images' inputs become the nearest retained class's mean input."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch, WithoutTraining
from oro_unlearn.networks import classifier_head, resolve_layers
from oro_unlearn.networks.input_grams import input_columns, weight_rows
from oro_unlearn.user_error import UserError


class ClosedFormClass(WithoutTraining, ClassUnlearning):
    """W (I + P) for a few layers, where P maps forgotten inputs to retained ones and leaves retained inputs as they are.

    An input x of a forgotten image shall become m_c, the mean input of the retained class c that the masked original predicts
    for the image; P minimises mean_f |P x - (m_c - x)|² + keep · mean_r |P x|² + ridge · |P|². All that it needs are sums over
    the training images, which are read once. The idea of a linear system on second moments is that of UCE and MEMIT
    (arXiv 2308.14761, 2210.07229); the target is ours. Use ``max_epochs: 0``.

    Args:
        layers: Linear and convolution layers to edit, or ``head``; empty: the last layer before the head, and the head.
        keep: Weight of the retained inputs.
        ridge: Ridge, as a fraction of the mean diagonal of the matrix that is inverted.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If a number is not positive, or a name is of no linear or 2-d convolution layer.
    """

    def __init__(self, layers: list[str] = [], keep: float = 1.0, ridge: float = 1e-3, **kwargs: Any) -> None:  # noqa: B006
        super().__init__(**kwargs)
        if min(keep, ridge) <= 0:
            raise UserError(f"--model.keep ({keep}) and --model.ridge ({ridge}) must be above 0")
        self.layers, self.keep, self.ridge = list(layers), keep, ridge

    @torch.no_grad()
    def on_fit_start(self) -> None:
        """Read the training images once, and edit the weights."""
        super().on_fit_start()
        self.eval()
        sums = {name: LayerSums(layer) for name, layer in self._chosen().items()}
        self.seen: set[int] = set()
        for split in ("retain", "forget"):
            for batch in self.batches(split):
                self._add(sums, batch, split == "forget")
        for name, found in sums.items():
            if not found.means:
                raise UserError(f"--model.layers: the network does not call {name}: name another layer")
            layer: Any = self.network.get_submodule(name)
            weight = weight_rows(layer)
            layer.weight.copy_((weight + weight @ found.map(self.keep, self.ridge)).reshape(layer.weight.shape))

    def _chosen(self) -> dict[str, nn.Module]:
        names = {name: part for name, part in self.network.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)}
        head = classifier_head(self.network, self.num_classes)[0]
        before = list(names)[: list(names).index(head)]
        chosen = resolve_layers(self.network, self.layers, self.num_classes) if self.layers else [*before[-1:], head]
        wrong = [name for name in chosen if name not in names]
        if wrong:
            raise UserError(f"--model.layers: {wrong[0]!r} is not a linear or 2-d convolution layer; known: {', '.join(names)}")
        return {name: names[name] for name in chosen}

    def _add(self, sums: "dict[str, LayerSums]", batch: Batch, forgotten: bool) -> None:
        """Add a batch: one forward pass gives all inputs, and the class that the masked original predicts."""
        inputs: dict[str, Tensor] = {}

        def note(name: str, _: nn.Module, given: tuple[Any, ...]) -> None:
            inputs[name] = given[0]

        hooks = [sums[name].layer.register_forward_pre_hook(partial(note, name)) for name in sums]
        try:
            logits = self(batch.images)
        finally:
            for hook in hooks:
                hook.remove()
        if forgotten:
            retained = sorted(self.seen)
            nearest = torch.tensor(retained, device=logits.device)[logits[:, retained].argmax(1)]
        else:
            nearest = batch.labels
            self.seen |= set(nearest.tolist())
        for name, found in inputs.items():
            sums[name].add(found, nearest, forgotten)


class LayerSums:
    """Sums over the inputs of one layer, from which :meth:`map` makes P.

    Args:
        layer: A linear or 2-d convolution layer; each group of a convolution has its own P.
    """

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.moments: dict[bool, Tensor] = {}  # sum of x x^T (groups, d, d), by whether the images are forgotten
        self.counts = {True: 0, False: 0}  # number of columns
        self.means: dict[int, tuple[Tensor, int]] = {}  # sum of the inputs (groups, d, L) of a retained class, and its images
        self.moved: dict[int, Tensor] = {}  # sum of the forgotten inputs (groups, d, L) that go to this class

    def add(self, inputs: Tensor, classes: Tensor, forgotten: bool) -> None:
        """Add inputs of B images, and for each the retained class that it has or goes to, (B,) int64."""
        columns = input_columns(self.layer, inputs)
        columns = (columns.cpu() if columns.device.type == "mps" else columns).double()
        self.counts[forgotten] += columns.shape[2]
        self.moments[forgotten] = self.moments.get(forgotten, 0) + columns @ columns.mT
        by_image = columns.unflatten(2, (len(inputs), -1))  # (groups, d, B, L)
        for number in classes.unique().tolist():
            total = by_image[:, :, classes.to(columns.device) == number].sum(2)
            if forgotten:
                self.moved[number] = self.moved.get(number, 0) + total
            else:
                before, count = self.means.get(number, (0, 0))
                self.means[number] = before + total, count + int((classes == number).sum())

    def map(self, keep: float, ridge: float) -> Tensor:
        """P (groups, d, d)."""
        change = -self.moments[True]  # sum of (m_c - x) x^T
        for number, moved in self.moved.items():
            total, count = self.means[number]
            change = change + (total / count) @ moved.mT
        gram = self.moments[True] / self.counts[True] + keep * self.moments[False] / self.counts[False]
        size = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None]
        gram = gram + ridge * size * torch.eye(gram.shape[-1]).to(gram)
        return torch.linalg.solve(gram, (change / self.counts[True]).mT).mT
