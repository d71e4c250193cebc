"""A part of the training set with the same share of every class. Parts do not overlap as long as they fit."""

import torch
from torch import Tensor

from oro_unlearn.data.contract import LabelledImages
from oro_unlearn.user_error import UserError


def check_share(share: float, part: int) -> None:
    """Check the options ``train_share`` and ``train_part``.

    Args:
        share: Share of the training images of each class.
        part: Number of the part.

    Raises:
        UserError: If the share is not in (0, 1], or the number of the part is negative.
    """
    if not 0 < share <= 1:
        raise UserError(f"--data.train_share is a share of the training images in (0, 1], not {share}")
    if part < 0:
        raise UserError(f"--data.train_part is the number of a part, from 0 on, not {part}")


def share_of_each(labels: Tensor, share: float, part: int) -> Tensor:
    """Positions of one part of a set.

    Each class is shuffled and cut into parts. Parts 0 to ``int(1 / share) - 1`` do not overlap. The next ones come from another
    shuffle, and so on. A class gives at least one member to every part, so very small classes may be in several parts.

    Args:
        labels: (N,).
        share: Share of each class, in (0, 1].
        part: Number of the part, from 0 on. The same number gives the same part.

    Returns:
        Positions, sorted.

    Example:
        >>> labels = torch.tensor([0, 0, 0, 0, 1, 1])
        >>> parts = [share_of_each(labels, 0.5, part) for part in (0, 1)]
        >>> [labels[part].tolist() for part in parts], torch.cat(parts).sort().values.tolist()
        ([[0, 0, 1], [0, 0, 1]], [0, 1, 2, 3, 4, 5])
    """
    shuffle, place = divmod(part, int(1 / share + 1e-9))
    generator = torch.Generator().manual_seed(shuffle)
    chosen = []
    for label in labels.unique():
        rows = (labels == label).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator)]
        first = min(round(place * share * len(rows)), len(rows) - 1)
        chosen.append(rows[first : max(first + 1, round((place + 1) * share * len(rows)))])
    return torch.cat(chosen).sort().values


def with_share_of_each(data: LabelledImages, share: float, part: int) -> LabelledImages:
    """A set with one part of another set; the whole set if the share is 1."""
    return data if share == 1 else data.subset(data.positions[share_of_each(data.labels[data.positions], share, part)])
