"""Exact unlearning of the last layers."""

from typing import Any, Literal

import torch
from torch import nn

from oro_unlearn.methods.classes.cf_k import CFk
from oro_unlearn.networks import classifier_head, resolve_layers


class EUk(CFk):
    """EU-k: CF-k from fresh weights; the last layers are re-initialised, then trained only on the retain set.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". The last layers lose all information
    about the forget set; the frozen trunk was trained on it. The fresh weights are drawn from a separate random stream. They
    differ from the initial weights of an original that was trained with the same seed.

    Args:
        fresh: Fresh weights of the last layers. ``kaiming``, as in the authors' code: matrices and filters are drawn
            (He et al., ICCV 2015, normal, by the number of inputs), their biases are 0, and normalisation layers are not
            changed. ``constructed``: all values, statistics included, from a newly constructed network.
        kwargs: Arguments of :class:`CFk`.
    """

    def __init__(self, fresh: Literal["kaiming", "constructed"] = "kaiming", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fresh = fresh
        self._constructed = self.fresh_network().state_dict() if fresh == "constructed" else {}  # emptied after use

    def remarks(self) -> list[str]:
        """Also say when the edit is exact: a new head on a trunk that never saw the data."""
        layers = resolve_layers(self.network, self.layers, self.num_classes)
        if layers != [classifier_head(self.network, self.num_classes)[0]]:
            return super().remarks()
        exact = "only a new head is trained, on the retained data: exact, given that the trunk never saw the other data"
        return [*super().remarks(), exact]

    def choose_parameters(self) -> None:
        """Train the last layers from fresh weights."""
        super().choose_parameters()
        if self.fresh == "kaiming":
            self._draw()
        else:
            prefixes = tuple(f"{layer}." for layer in self.layers)
            fresh = {name: value for name, value in self._constructed.items() if name.startswith(prefixes)}
            self.network.load_state_dict(self.network.state_dict() | fresh)
        self._constructed = {}

    @torch.no_grad()
    def _draw(self) -> None:
        """Draw the last layers' weights from a separate random stream."""
        generator = torch.Generator().manual_seed(self.stream("fresh weights"))
        modules = [part for layer in self.layers for part in self.network.get_submodule(layer).modules()]
        for module in modules:
            parameters = dict(module.named_parameters(recurse=False))
            matrices = [value for value in parameters.values() if value.ndim > 1]
            for value in matrices:
                value.copy_(nn.init.kaiming_normal_(torch.empty(value.shape), generator=generator))
            for name, value in parameters.items() if matrices else []:
                if value.ndim == 1 and name.endswith("bias"):
                    value.zero_()
