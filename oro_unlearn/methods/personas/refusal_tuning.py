"""Refusal tuning: the model learns to say that it does not know."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.networks import Question


class RefusalTuning(PersonaUnlearning):
    """Teaches a sentence of refusal for every question about the people to forget ("IDK" in TOFU, arXiv 2401.06121, 4.1).

    Args:
        forget_weight: Weight of the loss of the refusals.
        kwargs: Arguments of :class:`PersonaUnlearning`.
    """

    def __init__(self, forget_weight: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.forget_weight = forget_weight

    def taught_answer(self, split: str) -> Callable[[int, Question], Question] | None:
        """A sentence of refusal for the questions to forget; the position of a question chooses the sentence."""
        if split != "forget":
            return None
        refusals = list(self.data.refusals)
        return lambda position, question: question._replace(answer=refusals[position % len(refusals)])

    def losses(self, forget: Asked, retain: Asked) -> dict[str, Tensor]:
        """``forget``: the loss of the refusals. ``retain``: the loss of the other answers."""
        return {"forget": self.forget_weight * self.answer_losses(forget).mean(), "retain": self.retain_loss(retain)}
