"""The layers before the first one that is trained: run once for each image, and left out afterwards."""

from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.determinism import varies
from oro_unlearn.networks.outputs import logits_of


class FrozenTrunk:
    """Cuts a network between its frozen first layers, the trunk, and the rest, the tail.

    ``tail(activations(images))`` is ``network(images)``. The tail shares its modules with the network, so training it trains
    the network. Only the network's own children are told apart. The cut is the latest one before the first trained child
    that works: a network that does something of its own between two children is cut before it, or not at all. What does not
    give the same for an image every time, in the modes that the modules are in, is left to the tail (:func:`varies`).

    Args:
        network: Any network, its modules in the modes in which they run in training.
        images: (B, C, H, W) to try it on; two or more.

    Raises:
        ValueError: If there is no frozen layer before the first trained one, or none of which the same is computed every
            time, or no cut gives parts that add up to the network on ``images``.
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
        """What enters the tail for images (B, C, H, W); nothing behind that is computed."""

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
        self.network.eval()  # or batch normalisation of the tail would learn from the trial
        try:
            stored = self.activations(images)
            whole, parts = logits_of(self.network(images)), logits_of(self.tail(stored))
            return isinstance(stored, Tensor) and torch.allclose(whole, parts, rtol=1e-4, atol=1e-4 * float(whole.abs().max()))
        except Exception:  # whatever a forward raises when it is entered half-way
            return False
        finally:
            for module, mode in modes.items():
                module.training = mode


class _ReachedError(Exception):
    """The tail's input is known: the rest of the forward pass is not needed."""

    def __init__(self, activations: Tensor) -> None:
        super().__init__()
        self.activations = activations
