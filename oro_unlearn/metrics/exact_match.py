"""Exact match: whether a generated answer is the reference answer."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


def plain_answer(text: str) -> str:
    """A text as answers are compared: Unicode NFKC, case folded, single spaces, without a full stop at the end.

    Example:
        >>> plain_answer("  In   OSLO. ")
        'in oslo'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).removesuffix(".").rstrip()


class ExactMatch(Metric):
    """Share of questions whose generated answer equals the reference answer, apart from case, spaces and a final full stop.

    An answer in other words counts as wrong, so a low value alone is no proof of forgetting.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = ExactMatch()
        >>> metric.update(["oslo", "In Bergen."], ["Oslo.", "Bergen"])
        >>> float(metric.compute())
        0.5
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    exact_hits: Tensor
    exact_count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("exact_hits", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("exact_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Add a batch.

        Args:
            answers: (B,) texts that the model generated.
            references: (B,) reference answers to the same questions.

        Raises:
            ValueError: If the numbers of texts differ.
        """
        if len(answers) != len(references):
            raise ValueError(f"{len(answers)} answers and {len(references)} references must belong to the same questions")
        self.exact_hits += sum(
            plain_answer(said) == plain_answer(right) for said, right in zip(answers, references, strict=True)
        )
        self.exact_count += len(answers)

    def compute(self) -> Tensor:
        """Share of questions, a scalar in [0, 1]; NaN without questions."""
        return self.exact_hits / self.exact_count
