"""Split the training and the test set by the current request and by earlier requests."""

from collections.abc import Callable, Sequence

import torch

from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.data.images.forget_request import some_of
from oro_unlearn.data.images.subsets import of_classes
from oro_unlearn.user_error import UserError


def make_splits(
    train: LabelledImages,
    test: LabelledImages,
    requested: Sequence[int],
    earlier: Sequence[int],
    samples: Sequence[int] | None = None,
    source: str = "",
    sample_name: Callable[[int], str] = str,
) -> dict[str, LabelledImages]:
    """Make all splits of a request.

    Args:
        train: Training set.
        test: Test set.
        requested: Classes to forget now.
        earlier: Classes that earlier requests have forgotten. Their images are in no training split.
        samples: Positions of single training samples to forget, instead of classes.
        source: File that names the samples, for messages.
        sample_name: Gives the name of a position in that file, for messages.

    Returns:
        ``train``, ``forget``, ``retain``, ``test_forget``, ``test_retain`` and ``test_earlier``.

    Raises:
        UserError: If a sample to forget is in no training split.
    """
    train = train.subset(train.positions[~of_classes(train, earlier)])
    to_forget = of_classes(train, requested)
    if samples is not None:
        chosen = torch.tensor(samples, dtype=torch.long)
        missing = chosen[~torch.isin(chosen, train.positions)]
        if len(missing):
            raise UserError(
                f"{source}: {len(missing)} of {len(chosen)} samples are not in the training split, first "
                f"{sample_name(int(missing[0]))}: it was set aside for the test, left out by train_share "
                "or forgotten earlier; name training images only"
            )
        to_forget = torch.isin(train.positions, chosen)
    is_requested, is_earlier = of_classes(test, requested), of_classes(test, sorted(set(earlier) - set(requested)))
    return {
        "train": train,
        "forget": train.subset(train.positions[to_forget]),
        "retain": train.subset(train.positions[~to_forget]),
        "test_forget": test.subset(test.positions[is_requested]),
        "test_retain": test.subset(test.positions[~is_requested & ~is_earlier]),
        "test_earlier": test.subset(test.positions[is_earlier]),
    }


def check_request(splits: dict[str, LabelledImages], requested: Sequence[int], class_names: Sequence[str]) -> None:
    """Reject a request without pictures to forget or to keep.

    Args:
        splits: The splits from :func:`make_splits`.
        requested: Classes to forget now.
        class_names: Names of all classes.

    Raises:
        UserError: If a requested class has no training pictures, or no other class has any.
    """
    counts = class_counts(splits["forget"], len(class_names))
    without = [class_names[label] for label in requested if not counts[label]]
    if without:
        raise UserError(f"nothing to forget: class {some_of(without, 3)} has no training pictures; name another class")
    if len(splits["forget"]) and not len(splits["retain"]):
        raise UserError("nothing is left to keep: no class but the forgotten ones has training pictures; name fewer")


def class_counts(data: LabelledImages, num_classes: int) -> list[int]:
    """Number of pictures of each of K classes in a split."""
    return data.labels[data.positions].bincount(minlength=num_classes).tolist()
