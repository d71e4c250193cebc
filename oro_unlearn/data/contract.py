"""What the command line needs of a data module."""

from typing import Any

from oro_unlearn.data.images.image_data import ImageData
from oro_unlearn.data.relations.relation_data import RelationData
from oro_unlearn.user_error import UserError

NEEDED = (  # of one that is no ImageData
    *("name", "class_names", "num_classes", "forget_classes", "forget_names", "batch_size", "holdout"),
    *("split", "sets", "loader", "content", "normalise", "to_pixels"),
    *("present_classes", "requested_classes", "natural_order", "forgotten_names"),
)


def asked_of(data: Any, name: str) -> Any:
    """An attribute of a data module that can be used.

    Args:
        data: The data module.
        name: Of the attribute.

    Raises:
        UserError: If it lacks what a run needs.
    """
    if not isinstance(data, ImageData | RelationData):
        missing = [needed for needed in NEEDED if not hasattr(data, needed)]
        if missing:
            raise UserError(
                f"{type(data).__name__} is a data module without {', '.join(missing)}: derive it from "
                "oro_unlearn.data.ImageData and write load, class_names, mean and std (docs/your_own.md)"
            )
    return getattr(data, name, None)
