"""GA-Diff: gradient ascent on the people to forget, descent on the others."""

from typing import Any

from torch import Tensor

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning


class GradDiff(PersonaUnlearning):
    """Raises the loss on the answers to forget while it lowers the loss on the others (Liu et al., CoLLAs 2022).

    The ascent has no bound. ``limit`` ends it for answers whose mean token loss is above it, so that a longer run does not
    destroy the model; 0 is the published form.

    Args:
        forget_weight: Weight of the ascent.
        limit: Largest mean loss of a token up to which an answer is forgotten. 0: no limit.
        kwargs: Arguments of :class:`PersonaUnlearning`.
    """

    def __init__(self, forget_weight: float = 1.0, limit: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forget_weight, self.limit = forget_weight, limit

    def losses(self, forget: Asked, retain: Asked) -> dict[str, Tensor]:
        """``forget``: minus the loss of the answers to forget. ``retain``: the loss of the others."""
        losses = self.answer_losses(forget)
        if self.limit:
            losses = losses.clamp(max=self.limit)
        return {"forget": -self.forget_weight * losses.mean(), "retain": self.retain_loss(retain)}
