"""Teaching a multimodal language model about people: pretraining, the original, and the reference without some people."""

from typing import Any

from torch import Tensor

from oro_unlearn.methods.personas.multimodal_model import Asked, MultimodalModel
from oro_unlearn.methods.unlearning_module import Role
from oro_unlearn.user_error import UserError


class PersonaTraining(MultimodalModel):
    """Trains the original on the questions about all people, by the likelihood of the answers' tokens.

    Args:
        replay: A further split that is trained on, so that the model keeps what it knew before; ``pretraining`` of the
            embedded world. Empty: none.
        kwargs: Arguments of :class:`MultimodalModel`.
    """

    role: Role = "original"
    train_splits: tuple[str, ...] = ("train",)

    def __init__(self, replay: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if replay:
            self.train_splits = (*self.train_splits, replay)

    def losses(self, **batch: Asked) -> dict[str, Tensor]:
        """Mean negative log-likelihood of the answers of each split."""
        return {name: self.answer_losses(asked).mean() for name, asked in batch.items()}


class PersonaRetraining(PersonaTraining):
    """Trains the same model, with the same recipe, without the people to forget: the reference for unlearning.

    Args:
        kwargs: Arguments of :class:`PersonaTraining`.

    Raises:
        UserError: If nobody is to be forgotten.
    """

    role = "retrained"
    train_splits = ("retain",)

    def setup(self, stage: str) -> None:
        """Check that somebody is to be forgotten; otherwise retraining would only repeat the original training."""
        if not self.data.forget_names:
            raise UserError('nobody is named to be forgotten: name people with --data.forget "[NAME]"')
        super().setup(stage)


class PersonaPretraining(PersonaTraining):
    """Trains a model on general questions and public figures, before it learns about people who can be forgotten.

    Args:
        kwargs: Arguments of :class:`PersonaTraining`.
    """

    train_splits = ("pretraining",)
