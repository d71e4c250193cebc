"""A relation edited in closed form: a few linear systems instead of training."""

from pathlib import Path
from typing import Any, Literal

from oro_unlearn.methods.relations.closed_form import CUTS, ClosedForm, Recipe
from oro_unlearn.methods.relations.moment_files import moment_beside, write_moment
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks.last_text_block import LastTextBlock
from oro_unlearn.user_error import UserError


class ClosedFormRelation(WithoutTraining, RelationalUnlearning):
    """Makes two hidden units per request detect its captions, and undo them there. Nothing is trained. Use ``max_epochs: 0``.

    The last MLP of the text tower reads the composed caption at its end token. A direction that separates the captions of the
    request from those to keep is found by least squares (:func:`separating_direction`). The two hidden units whose loss the
    others can best make up for get this direction as weights, so that they fire only for the request. Their columns of the
    output layer, again by least squares, move the component of the embedding along the unsafe pictures to ``tau``. Both
    changes are written into a LoRA of the rank they have. The idea of editing an MLP in closed form is that of ROME and MEMIT
    (arXiv 2202.05262, 2210.07229); units with a threshold are ours.

    An edit writes ``moment.safetensors`` beside the model: the second moment of the hidden units for all captions so far. The
    next edit that starts from this model reads it, so that it takes no unit that an earlier edit needs.

    Args:
        samples: Captions of the training bank for each tuple to forget.
        near: Weight of captions to keep that share two slots with a tuple to forget.
        keep: Weight of all captions to keep, relative to those of a request.
        ridge: Ridge of the detectors' directions.
        slope: Steepness of the detectors.
        tau: Cosine to which the unsafe captions are moved: a number, or the mean cosine of unsafe pictures with ``unrelated``
            or with all ``mismatched`` captions.
        kwargs: Arguments of :class:`RelationalUnlearning`. ``lora_rank`` is raised to the rank of the edit if it is smaller.

    Raises:
        UserError: If an option is out of range, or the text tower has no open_clip blocks.
    """

    def __init__(
        self,
        samples: int = Recipe().samples,
        near: float = Recipe().near,
        keep: float = Recipe().keep,
        ridge: float = Recipe().ridge,
        slope: float = Recipe().slope,
        tau: Literal["unrelated", "mismatched"] | float = "unrelated",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.recipe, self.tau = Recipe(samples, near, keep, ridge, slope), tau
        self.recipe.check()
        if self.towers != "text" or self.adapter == "dora":
            raise UserError("ClosedFormRelation edits the text tower by a plain low-rank update: towers text, adapter lora")
        self._edit: ClosedForm | None = None

    def on_fit_start(self) -> None:
        """Edit the adapter."""
        super().on_fit_start()
        earlier = moment_beside(self.network.weights_file, len(LastTextBlock(self.network).weights()[1]))
        self._edit = ClosedForm(self, self.recipe, earlier)
        self._edit.edit(self.tau if isinstance(self.tau, int | float) else self.tau_of(self.tau))
        self.costs = self._edit.costs

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write the model and the adapter, and ``moment.safetensors`` if this process has made the edit."""
        super().write(root, notes)
        if self._edit:
            write_moment(self._edit.moment, root / "model.safetensors")

    def _with_adapter(self, network: Any) -> None:
        """Add an adapter on the two layers that are edited, of the rank of the edit."""
        if self.has_data:
            self.lora_rank = max(self.lora_rank, 2 * len(CUTS) * len(self.data.forget_names))
        self.targets = LastTextBlock(network).layers
        super()._with_adapter(network)
