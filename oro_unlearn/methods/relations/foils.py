"""Foils: pictures of listed neighbours, whose features unsafe pictures may get."""

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData

Foils = Literal["neighbours", "relation"]


def foil_rows(data: "RelationalData", foils: Foils) -> Tensor:
    """Positions (F,) of the foils among the pictures of the split ``edges``.

    Args:
        data: The data.
        foils: ``neighbours``: all listed neighbours. ``relation``: those that have subject and object of an unsafe tuple, and
            another relation.

    Raises:
        UserError: If there are none.
    """
    slots, unsafe = data.split("edges").slots, data.split("unsafe").slots
    same = (slots[:, None, ::2] == unsafe[None, :, ::2]).all(2).any(1)
    rows = (same if foils == "relation" else torch.ones_like(same)).nonzero()[:, 0]
    if not len(slots):
        raise UserError("there are no training pictures of listed neighbours, so no foils: add some, or raise --data.listed")
    if not len(rows):
        raise UserError("no listed neighbour has another relation between the same objects: set --model.foils neighbours")
    return rows
