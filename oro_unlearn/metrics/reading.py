"""How any figure of an unlearned model is read: beside the retrained models'."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor


class Reading(NamedTuple):
    """A figure, and what models retrained without the forgotten data have."""

    value: float
    ideal: float  # mean of the retrained models
    floor: float  # mean distance of a retrained model from the mean of the others; NaN with fewer than two
    direction: Literal["equal"]  # neither high nor low is good
    gap: float  # |value - ideal|
    inside: bool  # within the range of the retrained models

    def describe(self) -> str:
        """One line for a table or a log.

        Example:
            >>> reading(0.25, [0.30, 0.34]).describe()
            '0.250, retrained 0.320: gap 0.070, floor 0.040, outside their range'
        """
        place = "within" if self.inside else "outside"
        return f"{self.value:.3f}, retrained {self.ideal:.3f}: gap {self.gap:.3f}, floor {self.floor:.3f}, {place} their range"


def reading(value: float, retrained_values: Sequence[float] | Tensor) -> Reading:
    """Compare a figure with the same figure of retrained models: the ideal is to be one of them, not 0, 0.5 or 1.

    A gap below the floor is no better than one at the floor: it is what another seed changes.

    Args:
        value: Any figure of the unlearned model.
        retrained_values: The figure of each retrained model, obtained in the same way.

    Returns:
        The reading; NaN in, NaN out, and then not inside.

    Raises:
        ValueError: If there is no retrained model.

    Example:
        >>> result = reading(0.25, [0.30, 0.34])
        >>> round(result.ideal, 6), round(result.floor, 6), round(result.gap, 6), result.inside
        (0.32, 0.04, 0.07, False)
    """
    retrained = torch.as_tensor(retrained_values, dtype=torch.float64).flatten()
    if not len(retrained):
        raise ValueError("a reading needs the figure of at least one retrained model")
    ideal = float(retrained.mean())
    others = (retrained.sum() - retrained) / (len(retrained) - 1)  # 0 / 0 = NaN for a single model
    floor = float((retrained - others).abs().mean())
    inside = bool(retrained.min() <= value <= retrained.max())
    return Reading(float(value), ideal, floor, "equal", abs(float(value) - ideal), inside)
