"""Base class of the methods that forget people: the original, the retrained models, adapters, and the red team."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from oro_unlearn.methods.personas.first_words import persona_words
from oro_unlearn.methods.personas.multimodal_model import Asked, MultimodalModel, collated
from oro_unlearn.methods.personas.plain_copy import plain_copy
from oro_unlearn.methods.personas.recovery import attack_answers
from oro_unlearn.metrics import KeywordAccuracy
from oro_unlearn.networks.vision_language.loading import fill
from oro_unlearn.user_error import UserError

INPUTS = ("original.", "retrained.")  # prefixes of weights that are inputs: a checkpoint leaves them out
KNOWN = 0.5  # share of the forget questions' keywords that the original must know for a run to make sense


class PersonaUnlearning(MultimodalModel):
    """Edits a model that knows the people; the original is kept as a frozen copy.

    Args:
        retrained: Models trained without the people, for comparison: folders of transformers, or ``model.safetensors`` of
            ``PersonaRetraining``.
        kwargs: Arguments of :class:`MultimodalModel`.
    """

    def __init__(
        self,
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retrained_paths = list(retrained)
        self.original: Any = None
        self.retrained = nn.ModuleList()
        self.edited_parameters = 0

    def setup(self, stage: str) -> None:
        """Load the original and the models to compare with, once: ``test`` after ``fit`` must use the edited weights."""
        if self.original is not None:
            return
        if not self.data.forget_names:
            raise UserError('nobody is named to be forgotten: name people with --data.forget "[NAME]"')
        self.network = self.make_network() if self.network is None else self.network
        self.original = self._frozen(self.network)
        for path in self.retrained_paths:
            other = deepcopy(self.network)
            fill(other.model, path)
            self.retrained.append(self._frozen(other))
        self.choose_parameters()
        self.edited_parameters = sum(p.numel() for p in self.network.parameters() if p.requires_grad)

    def copies(self) -> int:
        """Number of frozen models: the original and the retrained ones."""
        return 1 + len(self.retrained_paths)

    def train(self, mode: bool = True) -> "PersonaUnlearning":
        """Set training mode for the edited network only."""
        super().train(mode)
        self.retrained.eval()
        if self.original is not None:
            self.original.eval()
        return self

    # -- what methods read

    def retain_loss(self, retain: Asked) -> Tensor:
        """Mean negative log-likelihood of the answers about the people who stay."""
        return self.answer_losses(retain).mean()

    def tower_layers(self) -> dict[str, list[Any]]:
        """Feed-forward layers of the towers that are edited, shallow to deep."""
        towers = {"text": self.network.text_layers, "vision": self.network.vision_layers}
        return {name: layers for name, layers in towers.items() if self.towers in (name, "both")}

    def inputs_of(self, split: str, most: int = 0, pictured: bool | None = None) -> Iterator[Asked]:
        """Questions of a split, each once, in order, on the device; under DDP every process reads all.

        Args:
            split: Name of the split.
            most: Most questions; they are evenly spaced if there are more. 0: all.
            pictured: Only questions with a picture (true), or without (false). None: all.
        """
        questions = self.data.split(split)
        questions = questions if pictured is None else questions.with_picture(pictured)
        rows = list(range(len(questions)))
        if most and len(rows) > most:
            rows = torch.linspace(0, len(rows) - 1, most).long().tolist()
        size = self.data.batch_size
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        shown = self.trainer.progress_bar_callback is not None and self.trainer.is_global_zero
        for batch in track(batches, f"reading {split}", console=Console(), transient=True, disable=not shown):
            inputs, index = collated(self.network.collator, None, questions.__getitems__(batch))
            yield Asked({name: value.to(self.device) for name, value in inputs.items()}, index.to(self.device))

    # -- before and after

    @torch.no_grad()
    def first_look(self) -> list[str]:
        """Check that the model can read all questions, and that the original knows the people to forget.

        Raises:
            UserError: If a text is too long, or has a mark of the tokenizer.
        """
        words = super().first_look()
        knows = KeywordAccuracy()
        questions = self.data.split("forget")
        rows = [row for row, question in enumerate(questions.questions) if question.keyword][: 4 * self.data.batch_size]
        for start in range(0, len(rows), self.data.batch_size):
            asked = [question for _, question in questions.__getitems__(rows[start : start + self.data.batch_size])]
            said = self.original.generate(self.original.prompts(asked), self.max_new_tokens)
            knows.update(said, [question.keyword for question in asked])
        if not rows or (share := float(knows.compute())) >= KNOWN:
            return words
        return [
            *words,
            f"the original knows {share:.0%} of {len(rows)} facts that training teaches about the people to forget: name a "
            "model that knows them with --model.network (train one with PersonaTraining)",
        ]

    def first_words(self) -> list[str]:
        """Sentences for an edit that did nothing, did not forget in a modality, or destroyed the model."""
        return persona_words(self.measurements["metrics"])

    def models(self) -> dict[str, Any]:
        """The original, the edited network and the retrained models."""
        retrained = {f"retrained_{number}": model for number, model in enumerate(self.retrained)}
        return {"original": self.original, "unlearned": self.network, **retrained}

    def on_test_epoch_end(self) -> None:
        """Collect ``measurements``, those of the red team included."""
        super().on_test_epoch_end()
        figures, details = attack_answers(self, self.attacks)
        for role, found in figures.items():
            self.measurements["metrics"][role] |= found
        self.measurements |= details
        self.measurements["edited_parameters"] = self.edited_parameters

    def plain_network(self) -> Any:
        """A copy with the edit in ordinary weights."""
        return plain_copy(self.network)

    # -- checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the models that are inputs."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["edited_parameters"] = self.edited_parameters
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: value for name, value in state.items() if not name.startswith(INPUTS)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back the models that are inputs, where every weight is loaded."""
        super().on_load_checkpoint(checkpoint)
        self.edited_parameters = checkpoint.get("edited_parameters", self.edited_parameters)
        if self.strict_loading:
            inputs = {name: value for name, value in self.state_dict().items() if name.startswith(INPUTS)}
            checkpoint["state_dict"].update(inputs)

    @staticmethod
    def _frozen(network: Any) -> Any:
        return deepcopy(network).requires_grad_(False).eval()
