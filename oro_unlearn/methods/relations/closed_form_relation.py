"""A relation edited in closed form: a few linear systems instead of training."""

from pathlib import Path
from typing import Any, Literal

from oro_unlearn.methods.relations.closed_form import CUTS, ClosedForm, Moment, Recipe
from oro_unlearn.methods.relations.closed_form_pictures import ClosedFormPictures, PictureRecipe
from oro_unlearn.methods.relations.foils import Foils
from oro_unlearn.methods.relations.moment_files import moment_beside, write_moment
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks.last_image_layer import LastImageLayer
from oro_unlearn.networks.last_text_block import LastTextBlock
from oro_unlearn.user_error import UserError


class ClosedFormRelation(WithoutTraining, RelationalUnlearning):
    """Edits the last layers of the towers by least squares. Nothing is trained. Use ``max_epochs: 0``.

    In the text tower, two hidden units per request detect its captions, and undo them there. The last MLP reads the composed
    caption at its end token. A direction that separates the captions of the request from those to keep is found by least
    squares (:func:`separating_direction`). The two hidden units whose loss the others can best make up for get this direction
    as weights, so that they fire only for the request. Their columns of the output layer, again by least squares, move the
    component of the embedding along the unsafe pictures to ``tau``. Both changes are written into a LoRA of the rank they
    have. The idea of editing an MLP in closed form is that of ROME and MEMIT (arXiv 2202.05262, 2210.07229); units with a
    threshold are ours.

    An edit writes ``moment.safetensors`` beside the model: the second moment of the hidden units for all captions so far. The
    next edit that starts from this model reads it, so that it takes no unit that an earlier edit needs.

    In the image tower, ridge regression changes the last layer that adapters reach (:class:`LastImageLayer`), so that unsafe
    pictures have the mean of their foils, pictures of listed neighbours. These and pictures of nodes and neutral concepts are
    to stay. The change is the best one of rank ``lora_rank``.

    Args:
        samples: Captions of the training bank for each tuple to forget.
        near: Weight of captions to keep that share two slots with a tuple to forget.
        keep: Weight of all captions to keep, relative to those of a request.
        ridge: Ridge of the detectors' directions.
        slope: Steepness of the detectors.
        tau: Cosine to which the unsafe captions are moved: a number, or the mean cosine of unsafe pictures with ``unrelated``
            or with all ``mismatched`` captions.
        foils: Pictures whose mean the unsafe pictures get: ``neighbours``, all listed neighbours; ``relation``, those
            that have subject and object of an unsafe tuple, and another relation.
        image_keep: Weight of all pictures to keep, relative to the unsafe ones. ``near`` is that of a listed neighbour.
        image_ridge: Ridge of the image tower, as a fraction of the mean square of the layer's inputs; ``auto`` for the one with
            the least leave-one-out error on training pictures.
        kwargs: Arguments of :class:`RelationalUnlearning`. ``lora_rank`` is raised to the rank of the edit if it is smaller.

    Raises:
        UserError: If an option is out of range, a tower has no such layer, or there are no foils.
    """

    def __init__(
        self,
        samples: int = Recipe().samples,
        near: float = Recipe().near,
        keep: float = Recipe().keep,
        ridge: float = Recipe().ridge,
        slope: float = Recipe().slope,
        tau: Literal["unrelated", "mismatched"] | float = "unrelated",
        foils: Foils = "neighbours",
        image_keep: float = PictureRecipe().keep,
        image_ridge: Literal["auto"] | float = PictureRecipe().ridge,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.recipe, self.tau = Recipe(samples, near, keep, ridge, slope), tau
        self.picture_recipe = PictureRecipe(image_keep, near, image_ridge, foils)
        self.recipe.check()
        self.picture_recipe.check()
        if self.adapter == "dora":
            raise UserError("ClosedFormRelation writes a plain low-rank update: set --model.adapter lora or rslora")
        self._moment: Moment | None = None

    def on_fit_start(self) -> None:
        """Edit the adapter."""
        super().on_fit_start()
        self._moment, costs = moment_beside(self.network.weights_file), []
        if self.towers != "image":
            edit = ClosedForm(self, self.recipe, self._moment)
            edit.edit(self.tau if isinstance(self.tau, int | float) else self.tau_of(self.tau))
            self._moment = edit.moment
            costs.append(edit.costs)
        if self.towers != "text":
            pictures = ClosedFormPictures(self, self.picture_recipe)
            pictures.edit()
            costs.append(pictures.costs)
        self.costs = {name: sum(each[name] for each in costs) for name in costs[0]}

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write the model and the adapter, and ``moment.safetensors`` if this process has made the edit."""
        super().write(root, notes)
        if self._moment:
            write_moment(self._moment, root / "model.safetensors")

    def _with_adapter(self, network: Any) -> None:
        """Add an adapter on the layers that are edited, of the rank of the text tower's edit or more."""
        self.targets = []
        if self.towers != "image":
            self.targets += LastTextBlock(network).layers
            if self.has_data:
                self.lora_rank = max(self.lora_rank, 2 * len(CUTS) * len(self.data.forget_names))
        if self.towers != "text":
            self.targets.append(LastImageLayer(network).name)
        super()._with_adapter(network)
