"""Summary of the data that a data module has read: printed before training, and kept in the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.data.images.splits import class_counts

SHOWN = 20  # most names of classes in a list


def inventory(data: Any) -> dict[str, Any]:
    """Classes, pictures, files left out, how the split was made, and how pixels are read.

    Args:
        data: An ``ImageData``. Its files are read now, unless they were read before.

    Returns:
        JSON-serialisable values, always in the same order.
    """
    names = data.class_names
    sets = data.sets  # reads the files, on which the values below depend
    present = data.present_classes
    return {
        "data": data.name,
        "root": str(getattr(data, "root", "")),
        "classes": {
            "count": len(names),
            "with_pictures": len(present),
            "first_with_pictures": [names[label] for label in present[:SHOWN]],
            "order": data.class_order,
        },
        "pictures": {name: len(part) for name, part in sets.items()},
        "forget": _by_class(data, data.requested_classes, ("forget", "test_forget")),
        "forgotten": _by_class(data, data.earlier_classes, ("train", "test_earlier")),
        "samples": data.samples_file,
        "split": _split(data),
        "skipped": dict(data.skipped),
        "channels": data.channels,
        "size": _size(sets["train"]),
        "normalisation": {"mean": list(map(float, data.mean)), "std": list(map(float, data.std))},
        "notes": [*data.reading_notes, *_one_sided(data, sets)],
    }


def _by_class(data: Any, classes: Sequence[int], splits: tuple[str, str]) -> dict[str, dict[str, int]]:
    """Training and test pictures of classes, by name."""
    train, test = (class_counts(data.sets[split], data.num_classes) for split in splits)
    return {data.class_names[label]: {"train": train[label], "test": test[label]} for label in classes}


def _split(data: Any) -> str:
    said = [data.split_made_by]
    if data.holdout:
        said.append(f"of the training split {100 * data.holdout:g} % stand for the test split, which is not read (holdout)")
    if data.train_share < 1:
        said.append(f"of the training split {100 * data.train_share:g} % are used, part {data.train_part} (train_share)")
    return "; ".join(said)


def _size(part: Any) -> list[int]:
    """Height and width in pixels."""
    return list(part.images.shape[-2:]) if hasattr(part, "images") else [part.size, part.size]


def _one_sided(data: Any, sets: Mapping[str, Any]) -> list[str]:
    """Lines about classes that have pictures only in the training set, or only in the test set."""
    tests = ("test_forget", "test_retain", "test_earlier")
    train = set(sets["train"].labels.unique().tolist())
    test = {label for name in tests for label in sets[name].labels.unique().tolist()}
    lines = []
    for labels, only, lacks in ((train - test, "training", "test"), (test - train, "test", "training")):
        if labels:
            named = ", ".join(data.class_names[label] for label in sorted(labels)[:5])
            lines.append(f"{len(labels)} classes have {only} pictures and no {lacks} pictures, for instance {named}")
    return lines
