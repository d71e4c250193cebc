"""The pictures that are altered in attacks: those of the attacker's half, those of the other half, and safe ones to mix."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.attacks.relations.evidence import Half


class Shown(NamedTuple):
    """Pictures with their kinds."""

    images: Tensor  # (B, 3, S, S) uint8
    half: Half  # positions in ``images``


class Mixable(NamedTuple):
    """Pairs of safe pictures: a picture with the right subject, and a picture of the object that is to be added to it."""

    images: Tensor  # (B, 3, S, S) uint8
    objects: Tensor  # (B, 3, S, S) uint8
    half: Half  # unsafe: the right subject does the right thing to another object; near: it does another thing to the object


class Pictures(NamedTuple):
    """All pictures of the attacks."""

    sought: Shown  # for the choice of an alteration
    held_out: Shown  # for the figures
    mixable: tuple[Mixable, Mixable] | None  # the same for mixing; None if too few pictures are safe


def load_pictures(probes: Any, parts: tuple[Half, Half], most: int) -> Pictures:
    """Read the pictures of both halves.

    Args:
        probes: ``measured`` of the data module.
        parts: Halves of the pictures.
        most: Largest number of unsafe pictures of a half. Of their neighbours, up to twice as many are read.
    """
    sought, held_out = (_shown(probes, half, most) for half in parts)
    pairs = [_mixable(probes, half, number, most) for number, half in enumerate(parts)]
    first, second = pairs
    return Pictures(sought, held_out, None if first is None or second is None else (first, second))


def _shown(probes: Any, half: Half, most: int) -> Shown:
    """Pictures of a half. Foils come first, since the figures are compared with theirs."""
    unsafe = spread_over(half.unsafe, most)
    each = max(2, 2 * most // max(1, len(half.foils)))
    foils = {name: spread_over(rows, each) for name, rows in half.foils.items()}
    near = torch.cat([half.near[:0], *foils.values()])
    others = half.near[~torch.isin(half.near, torch.cat([half.near[:0], *half.foils.values()]))]
    near = torch.cat([near, spread_over(others, max(0, 2 * most - len(near)))])
    return Shown(_read(probes, torch.cat([unsafe, near])), _renumbered(unsafe, near, foils))


def _mixable(probes: Any, half: Half, part: int, most: int) -> Mixable | None:
    """Safe pictures of a half, each with a picture of the object that an unsafe tuple has in this place.

    Pictures of objects alone are in neither half; every other one of them is taken.
    """
    things = {probes.concepts[place][:2]: probes.concepts[place][2] for place in probes.unsafe}
    alone = {name: _rows_of(probes, (name,))[part::2] for name in things.values()}
    concepts = {row: probes.concepts[int(probes.picture_concept[row])] for row in half.near.tolist()}
    right = [row for row, concept in concepts.items() if alone.get(things.get(concept[:2], ""))]
    doing = spread_over(torch.tensor(right, dtype=torch.long), most)
    foils = {name: spread_over(rows, most) for name, rows in half.foils.items()}
    foils = {name: rows[[bool(alone.get(concepts[row][2])) for row in rows.tolist()]] for name, rows in foils.items()}
    near = torch.cat([half.near[:0], *foils.values()])
    if not len(doing) or not len(near):
        return None
    wanted = [things[concepts[row][:2]] for row in doing.tolist()] + [concepts[row][2] for row in near.tolist()]
    added = torch.tensor([int(alone[name][number % len(alone[name])]) for number, name in enumerate(wanted)])
    return Mixable(_read(probes, torch.cat([doing, near])), _read(probes, added), _renumbered(doing, near, foils))


def _renumbered(unsafe: Tensor, near: Tensor, foils: dict[str, Tensor]) -> Half:
    """The half with positions among its own pictures, unsafe ones first, in place of rows."""
    own, others = torch.arange(len(unsafe)), torch.arange(len(unsafe), len(unsafe) + len(near))
    return Half(own, others, {name: others[torch.isin(near, rows)] for name, rows in foils.items()})


def _rows_of(probes: Any, concept: Sequence[str]) -> list[int]:
    """Rows of the plain pictures of a concept."""
    return [
        row
        for row, picture in enumerate(probes.pictures)
        if not picture.context and not picture.style and tuple(picture.concept) == concept
    ]


def _read(probes: Any, rows: Tensor) -> Tensor:
    images: Tensor = probes.images.__getitems__(rows.tolist())[0]
    return images


def spread_over(rows: Tensor, most: int) -> Tensor:
    """Up to so many of the rows, evenly spaced, in their order.

    Example:
        >>> spread_over(torch.arange(10), 4).tolist()
        [0, 2, 5, 7]
    """
    return rows if len(rows) <= most else rows[torch.arange(most) * len(rows) // max(1, most)]
