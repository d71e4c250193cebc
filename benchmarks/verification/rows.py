"""A comparison as a row of the table, and the distance between two results."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BOUND = 1e-6  # of a relative difference, unless a row says why another one


class Row(NamedTuple):
    """One comparison of the product with a source."""

    subject: str  # public name of what is verified: a class or a function
    name: str  # as the table has it
    reference: str  # section of the paper, file of the authors' repository, or function of a library
    compared: str
    difference: float  # largest, relative
    bound: float = BOUND
    reason: str = ""  # why the bound is another one


def flat(values: Tensor | Sequence[Tensor]) -> Tensor:
    """All values in one vector, float64."""
    parts = [values] if isinstance(values, Tensor) else values
    return torch.cat([part.detach().double().flatten() for part in parts])


def apart(found: Tensor | Sequence[Tensor], expected: Tensor | Sequence[Tensor]) -> float:
    """Length of the difference over the length of what is expected; 1 if that is 0, or a value is not a number."""
    a, b = flat(found), flat(expected)
    same = (a == b) | (a.isnan() & b.isnan())  # infinities, and what both call undefined
    distance = float((a - b).masked_fill(same, 0.0).norm() / b[b.isfinite()].norm())
    return distance if np.isfinite(distance) else float(not same.all())


def weights_apart(found: torch.nn.Module, expected: torch.nn.Module, start: torch.nn.Module) -> float:
    """Difference of two networks' weights and statistics over how far they have moved: small steps hide nothing."""
    a, b, before = (
        flat([v for v in module.state_dict().values() if v.is_floating_point()]) for module in (found, expected, start)
    )
    moved = (b - before).norm()
    return float((a - b).norm() / moved) if moved > 0 else float("inf")


def figures_apart(found: Mapping[str, float], expected: Mapping[str, float]) -> float:
    """Largest difference of figures of the order of 1, by name; infinite where a name is missing."""
    if not expected or not found.keys() >= expected.keys():
        return float("inf")
    pairs = [(float(found[name]), float(value)) for name, value in expected.items()]
    return max(0.0 if a == b or (np.isnan(a) and np.isnan(b)) else abs(a - b) / max(1.0, abs(b)) for a, b in pairs)
