"""Fine-tuning on the people who stay."""

from torch import Tensor

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning


class RetainFineTuning(PersonaUnlearning):
    """Trains on the answers about the people who stay, by LoRA or all weights, and relies on the others being forgotten.

    Args:
        kwargs: Arguments of :class:`PersonaUnlearning`.
    """

    train_splits = ("retain",)

    def losses(self, retain: Asked) -> dict[str, Tensor]:
        """``retain``: the loss of the answers about the people who stay."""
        return {"retain": self.retain_loss(retain)}
