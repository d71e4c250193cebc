"""KL-Min: gradient ascent on the people to forget, and the original's distribution for the others."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.methods.personas.token_share import token_share


class KLMin(PersonaUnlearning):
    """Raises the loss on the answers to forget; keeps the distributions of all other answers (TOFU, arXiv 2401.06121, 4.1).

    Args:
        forget_weight: Weight of the ascent.
        kwargs: Arguments of :class:`PersonaUnlearning`.
    """

    def __init__(self, forget_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forget_weight = forget_weight

    def losses(self, forget: Asked, retain: Asked) -> dict[str, Tensor]:
        """``forget``: minus the loss of the answers to forget. ``kl``: KL(original || model) at the tokens of the others."""
        taught = retain.inputs["labels"][:, 1:] != -100  # (B, T - 1)
        now = self.counted(self.network(retain.inputs), len(retain.index))[:, :-1][taught]
        with torch.no_grad():
            before = self.counted(self.original(retain.inputs), len(retain.index))[:, :-1][taught]
        logs = [log_softmax(logits.float(), -1) for logits in (now, before)]
        kl = kl_div(logs[0], logs[1], reduction="batchmean", log_target=True)
        return {"forget": -self.forget_weight * self.answer_losses(forget).mean(), "kl": kl * token_share(taught)}
