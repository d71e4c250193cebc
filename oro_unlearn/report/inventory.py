"""Summary of the classes and images that were read."""

from collections.abc import Mapping, Sequence
from typing import Any

from oro_unlearn.report.names import printable

NAMED = 8  # largest number of classes that a line names


def inventory_lines(inventory: Mapping[str, Any]) -> list[str]:
    r"""The lines that are printed before training.

    Args:
        inventory: Result of a data module's ``inventory()``.

    Example:
        >>> found = {
        ...     "data": "image_folder", "root": "images", "samples": "", "channels": 3, "size": [64, 64], "notes": [],
        ...     "classes": {"count": 1000, "with_pictures": 2, "first_with_pictures": ["cat", "dog"], "order": "names.txt"},
        ...     "pictures": {"train": 20, "forget": 12, "retain": 8, "test_forget": 3, "test_retain": 2, "test_earlier": 0},
        ...     "forget": {"cat": {"train": 12, "test": 3}}, "forgotten": {}, "skipped": {"hidden": 2, "suffix .psd": 1},
        ...     "split": "train and val", "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
        ... }
        >>> print(*inventory_lines(found), sep="\n")
        data          image_folder in images
        classes       2 of 1000 classes have pictures: cat, dog
        order         names.txt
        pictures      train 20 (forget 12, retain 8), test 5 (forget 3, retain 2)
        to forget     cat (12 train, 3 test)
        split         train and val
        not read      2 hidden, 1 suffix .psd
        pixels        3 channels, 64 x 64, mean 0.5 0.5 0.5, std 0.25 0.25 0.25
    """
    sizes, classes = inventory["pictures"], inventory["classes"]
    lines = [("data", inventory["data"] + (f" in {inventory['root']}" if inventory["root"] else ""))]
    lines.append(("classes", f"{_how_many(classes)}: {_names(classes['first_with_pictures'], classes['with_pictures'])}"))
    lines += [("order", classes["order"]), ("pictures", _pictures(sizes)), ("to forget", _request(inventory))]
    if inventory["forgotten"]:
        lines.append(("before", _counted(inventory["forgotten"], ("test",))))
    lines.append(("split", inventory["split"]))
    if inventory["skipped"]:
        lines.append(("not read", ", ".join(f"{count} {why}" for why, count in inventory["skipped"].items())))
    lines.append(("pixels", _pixels(inventory)))
    lines += [("note", note) for note in inventory["notes"]]
    return [f"{label:<13} {printable(text)}" for label, text in lines]


def _how_many(classes: Mapping[str, Any]) -> str:
    if classes["with_pictures"] == classes["count"]:
        return f"{classes['count']}, all with pictures"
    return f"{classes['with_pictures']} of {classes['count']} classes have pictures"


def _names(names: Sequence[str], count: int) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if count > NAMED else "")


def _pictures(sizes: Mapping[str, int]) -> str:
    test = {name: sizes[f"test_{name}"] for name in ("forget", "retain", "earlier")}
    parts = ", ".join(f"{name} {count}" for name, count in test.items() if count or name != "earlier")
    train = f"train {sizes['train']} (forget {sizes['forget']}, retain {sizes['retain']})"
    return f"{train}, test {sum(test.values())} ({parts})"


def _request(inventory: Mapping[str, Any]) -> str:
    if inventory["samples"]:
        return f"{inventory['pictures']['forget']} training pictures of {inventory['samples']}"
    return _counted(inventory["forget"], ("train", "test")) or "nothing"


def _counted(classes: Mapping[str, Mapping[str, int]], splits: Sequence[str]) -> str:
    """Classes with their numbers of pictures."""
    shown = [f"{name} ({', '.join(f'{counts[split]} {split}' for split in splits)})" for name, counts in classes.items()]
    return _names(shown, len(shown))


def _pixels(inventory: Mapping[str, Any]) -> str:
    height, width = inventory["size"]
    mean, std = (" ".join(f"{value:.4g}" for value in inventory["normalisation"][name]) for name in ("mean", "std"))
    channels = "3 channels" if inventory["channels"] == 3 else "1 channel"
    return f"{channels}, {height} x {width}, mean {mean}, std {std}"
