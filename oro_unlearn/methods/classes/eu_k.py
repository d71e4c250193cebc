"""Exact unlearning of the last layers."""

from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from oro_unlearn.methods.classes.cf_k import CFk


class EUk(CFk):
    """EU-k: CF-k from fresh weights; the last layers are re-initialised, then trained on the retain set alone.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". What those layers knew of the
    forget set is gone; the frozen trunk has seen it.

    Args:
        fresh: Fresh weights of the last layers. ``kaiming``, as in the authors' code: matrices and filters are drawn
            (He et al., ICCV 2015, normal, by the number of inputs), their biases are 0, and normalisation stays as it is.
            ``constructed``: everything, statistics included, as the network was made, before the original was loaded.
        kwargs: Arguments of :class:`CFk`.
    """

    def __init__(self, fresh: Literal["kaiming", "constructed"] = "kaiming", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fresh = fresh
        self._constructed = {name: value.clone() for name, value in self.network.state_dict().items()}  # until it is used

    def choose_parameters(self) -> None:
        """Train the last layers, from fresh weights."""
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
        """Draw the last layers' weights, from a stream of their own: the original's own began in the seed's first one."""
        seed = np.random.SeedSequence(torch.initial_seed() % 2**63, spawn_key=(1,))
        generator = torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0]) >> 1)
        modules = [part for layer in self.layers for part in self.network.get_submodule(layer).modules()]
        for module in modules:
            own = dict(module.named_parameters(recurse=False))
            matrices = [value for value in own.values() if value.ndim > 1]
            for value in matrices:
                value.copy_(nn.init.kaiming_normal_(torch.empty(value.shape), generator=generator))
            for name, value in own.items() if matrices else []:
                if value.ndim == 1 and name.endswith("bias"):
                    value.zero_()
