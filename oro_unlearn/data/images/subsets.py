"""Deterministic subsets of a labelled set."""

from collections.abc import Sequence

import torch
from torch import Tensor

from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.user_error import UserError


def stratified_split(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Split positions into two sets with the same proportions of classes.

    Args:
        labels: (N,).
        fraction: Fraction that goes into the second set, in (0, 1).
        seed: The same seed gives the same split.

    Returns:
        Positions of both sets, sorted.

    Raises:
        UserError: If a class has fewer than two samples, or a set would not hold every class.
    """
    from sklearn.model_selection import train_test_split

    try:
        parts = train_test_split(torch.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed)
    except ValueError as error:
        raise UserError(f"{len(labels)} images cannot be split, every class in proportion: {error}") from None
    return parts[0].sort().values, parts[1].sort().values


def first_of_each(labels: Tensor, count: int) -> Tensor:
    """Positions of the first members of every class.

    Args:
        labels: (N,).
        count: Number of members per class. A smaller class gives all its members.

    Returns:
        Positions, sorted.

    Example:
        >>> first_of_each(torch.tensor([1, 0, 1, 1, 0, 2]), 2)
        tensor([0, 1, 2, 4, 5])
    """
    return torch.cat([(labels == label).nonzero()[:count, 0] for label in labels.unique()]).sort().values


def with_first_of_each(data: LabelledImages, count: int) -> LabelledImages:
    """A set with the first ``count`` members of every class; 0 for all."""
    return data.subset(data.positions[first_of_each(data.labels[data.positions], count)]) if count else data


def of_classes(data: LabelledImages, classes: Sequence[int]) -> Tensor:
    """Mask of the set's positions that belong to the given classes, (M,) bool."""
    return torch.isin(data.labels[data.positions], torch.tensor(list(classes), dtype=torch.long))
