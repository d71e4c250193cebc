"""Positions of a split's pictures by the tuple that they show."""

from itertools import chain, zip_longest

from torch import Tensor

Words = tuple[int, int, int]  # a concept by the positions of its words in the graph; -1 for none


def rows_by_tuple(slots: Tensor) -> dict[Words, list[int]]:
    """Positions of every concept's pictures, in order.

    Args:
        slots: Subject, relation and object (N, 3) of a split's pictures.
    """
    found: dict[Words, list[int]] = {}
    for position, (subject, relation, thing) in enumerate(slots.tolist()):
        found.setdefault((subject, relation, thing), []).append(position)
    return found


def of_every_tuple(slots: Tensor, most: int) -> list[int]:
    """Up to so many positions, the first ones of every concept, as many of each as possible; in order.

    The pictures of a user may be sorted, and the first ones all show one tuple.

    Args:
        slots: As in :func:`rows_by_tuple`.
        most: Largest number.

    Example:
        >>> import torch
        >>> of_every_tuple(torch.tensor([[0, 0, 1]] * 5 + [[2, 0, 1]] * 2), 4)
        [0, 1, 5, 6]
    """
    turns = chain.from_iterable(zip_longest(*rows_by_tuple(slots).values()))
    return sorted([row for row in turns if row is not None][:most])
