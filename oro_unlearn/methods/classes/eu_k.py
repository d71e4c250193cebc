"""Exact unlearning of the last layers."""

from typing import Any

from oro_unlearn.methods.classes.cf_k import CFk


class EUk(CFk):
    """EU-k: CF-k from fresh weights; the last layers are re-initialised, then trained on the retain set alone.

    Goel et al. (2022), "Towards Adversarial Evaluations for Inexact Machine Unlearning". What those layers knew of the
    forget set is gone; the frozen trunk has seen it. The fresh weights and statistics are the network's own
    initialisation, drawn from a stream of their own: an original that was trained under the same seed did not begin with them.

    Args:
        kwargs: Arguments of :class:`CFk`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._fresh = self.fresh_network().state_dict()  # until it is used

    def choose_parameters(self) -> None:
        """Train the last layers, from fresh weights."""
        super().choose_parameters()
        prefixes = tuple(f"{layer}." for layer in self.layers)
        state = self.network.state_dict()
        self.network.load_state_dict(state | {name: value for name, value in self._fresh.items() if name.startswith(prefixes)})
        self._fresh = {}
