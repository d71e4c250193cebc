"""Summary of the pictures that a relational data module has read, for the user to check."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from oro_unlearn.graph import Concept

if TYPE_CHECKING:
    from oro_unlearn.data.relations.relation_data import RelationData


def picture_inventory(data: "RelationData", groups: Iterable[str]) -> dict[str, Any]:
    """Tuples to forget, number of pictures by split and group, and their side in pixels, as JSON-serialisable values.

    Args:
        data: The data module. If a method runs, it decides which training pictures count: pretraining and unlearning differ.
        groups: Training splits of unlearning.
    """
    method: Any = data.trainer.lightning_module if data.trainer else None
    if method is not None and method.train_splits == ("train",):
        trained = _by_group(data, data.split("train").shown)
    else:
        trained = {name: len(data.split(name)) for name in groups}
    images = data.measured.images
    return {
        "name": data.name,
        "forget": data.forget_names,
        "pictures": {"train": trained, "test": _by_group(data, [picture.concept for picture in data.measured.pictures])},
        "image_size": int(images.image(0).shape[-1]) if len(images) else None,
    }


def _by_group(data: "RelationData", concepts: Iterable[Concept]) -> dict[str, int]:
    """Number of concepts of each group, the largest first."""
    return dict(Counter(data.group_of(concept) for concept in concepts).most_common())
