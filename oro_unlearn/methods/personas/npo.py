"""NPO: negative preference optimisation."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.user_error import UserError


class NPO(PersonaUnlearning):
    """Makes the answers to forget less likely than under the original, with a bounded loss (Zhang et al., arXiv 2404.05868).

    The loss of an answer is -2/beta log sigmoid(-beta log(p / p_original)), with p the probability of the whole answer (eq. 3);
    for beta towards 0 it becomes gradient ascent. With ``retain_weight`` it is the paper's NPO-RT.

    Args:
        beta: Inverse temperature, above 0.
        forget_weight: Weight of the loss of the answers to forget.
        retain_weight: Weight of the loss of the other answers.
        kwargs: Arguments of :class:`PersonaUnlearning`.

    Raises:
        UserError: If beta is not above 0.
    """

    def __init__(self, beta: float = 0.1, forget_weight: float = 1.0, retain_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if beta <= 0:
            raise UserError(f"--model.beta is above 0, not {beta}")
        self.beta, self.forget_weight, self.retain_weight = beta, forget_weight, retain_weight

    def losses(self, forget: Asked, retain: Asked) -> dict[str, Tensor]:
        """``forget``: the preference loss. ``retain``: the loss of the other answers."""
        now, _ = self.network.answer_log_probs(forget.inputs)
        now = self.counted(now, len(forget.index))
        with torch.no_grad():
            before, _ = self.original.answer_log_probs(forget.inputs)
            before = self.counted(before, len(forget.index))
        preference = -2 / self.beta * logsigmoid(-self.beta * (now - before)).mean()
        return {"forget": self.forget_weight * preference, "retain": self.retain_weight * self.retain_loss(retain)}
