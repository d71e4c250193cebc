"""The second moment that a closed-form edit leaves beside its model, for the next edit of this model."""

from pathlib import Path

import torch

from oro_unlearn.files import replacing, sha256
from oro_unlearn.methods.relations.closed_form import Moment
from oro_unlearn.networks.weight_writing import write_safetensors
from oro_unlearn.user_error import UserError

NAME, MODEL, COUNT = "moment.safetensors", "model_sha256", "captions"


def write_moment(moment: Moment, model: Path) -> None:
    """Write the moment beside the file of the edited model, with that file's hash."""
    with replacing(model.with_name(NAME)) as partial:
        metadata = {MODEL: sha256(model), COUNT: str(moment.captions)}
        write_safetensors({"hidden": moment.mean.float().contiguous()}, partial, metadata)


def moment_beside(model: str) -> Moment | None:
    """The moment beside a file of weights; None if there is none.

    Args:
        model: File of weights, or a tag or folder, which has no moment.

    Raises:
        UserError: If the file belongs to another model, or is none.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(model).with_name(NAME) if model and Path(model).is_file() else None
    if path is None or not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            notes, mean = file.metadata() or {}, file.get_tensor("hidden")
        count = int(notes.get(COUNT, ""))
    except (SafetensorError, ValueError):
        raise UserError(f"{path} holds no moment of an edit: remove it, or make the edit of {model} again") from None
    fits = mean.shape == (len(mean), len(mean)) and bool(torch.isfinite(mean).all()) and count > 0
    if not fits or notes.get(MODEL) != sha256(model):
        raise UserError(f"{path} belongs to another model than {model}: remove it, or put back the model of its edit")
    return Moment(mean.double(), count)
