"""The frozen layers before the first trained layer: they run once for each image, and training skips them afterwards."""

from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.determinism import varies
from oro_unlearn.networks.outputs import logits_of


class FrozenTrunk:
    """Cuts a network between its frozen first layers, the trunk, and the rest, the tail.

    ``tail(activations(images))`` is ``network(images)``. The tail shares its modules with the network, so training it trains
    the network. A cut lies between two direct children of the network. The class takes the latest cut before the first trained
    child that works. A network whose forward does more between two children than pass its input on is cut before that place, or
    not at all. A layer whose output for an image is not the same every time, in the modes that the modules are in, stays in the
    tail (:func:`varies`).

    Args:
        network: Any network, with its modules in their training modes (train or eval, as each runs in training).
        images: (B, C, H, W), two or more, on which the cut is tested.

    Raises:
        ValueError: If no frozen layer comes before the first trained layer; if no such layer gives the same output for an image
            every time; or if no cut gives two parts that together compute the network's output on ``images``.
    """

    def __init__(self, network: nn.Module, images: Tensor) -> None:
        children = list(network.named_children())
        trained = [any(p.requires_grad for p in module.parameters()) for _, module in children]
        first = trained.index(True) if any(trained) else 0
        held = [place for place, (_, module) in enumerate(children[:first]) if any(True for _ in module.parameters())]
        if not held:
            raise ValueError("no frozen layer comes before the first that is trained")
        self.network, reason = network, ""
        for place in reversed(held):
            self._cut(children, place + 1)
            if not self._works(images):
                continue
            found = varies(self.activations, images, network)
            if not found:
                return
            reason = f"the frozen layer {children[place][0]}, or one before it, {found} in training"
        raise ValueError(reason or "the network does more than to pass its layers in order")

    def _cut(self, children: list[tuple[str, nn.Module]], place: int) -> None:
        self.entrance, self._entrance = children[place]  # name and module
        self.tail = copy(self.network)
        self.tail._modules = dict(self.network._modules) | {name: nn.Identity() for name, _ in children[:place]}

    @torch.no_grad()
    def activations(self, images: Tensor) -> Tensor:
        """The tail's input for images (B, C, H, W). The tail itself is not run."""

        def leave(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            raise _ReachedError(inputs[0])

        handle = self._entrance.register_forward_pre_hook(leave)
        try:
            self.network(images)
        except _ReachedError as reached:
            return reached.activations
        finally:
            handle.remove()
        raise ValueError("the network's forward never comes to the layer after its trunk")

    @torch.no_grad()
    def _works(self, images: Tensor) -> bool:
        modes = {module: module.training for module in self.network.modules()}
        self.network.eval()  # in train mode this test would update the batch statistics of the tail
        try:
            stored = self.activations(images)
            whole, parts = logits_of(self.network(images)), logits_of(self.tail(stored))
            return isinstance(stored, Tensor) and torch.allclose(whole, parts, rtol=1e-4, atol=1e-4 * float(whole.abs().max()))
        except Exception:  # a forward that starts in the middle can raise any exception
            return False
        finally:
            for module, mode in modes.items():
                module.training = mode


class _ReachedError(Exception):
    """Raised when the tail's input is known, to skip the rest of the forward pass."""

    def __init__(self, activations: Tensor) -> None:
        super().__init__()
        self.activations = activations
