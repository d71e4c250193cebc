"""Cloze accuracy: whether the words that carry a fact stand in the generated answer."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from oro_unlearn.metrics.exact_match import plain_answer


class KeywordAccuracy(Metric):
    """Share of questions whose generated answer contains the keyword as whole words, in any case (cloze accuracy).

    The wording around the keyword does not count, so this is the figure that a change of style alone does not lower. An answer
    that lists every possible fact contains the keyword too.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = KeywordAccuracy()
        >>> metric.update(["Anna lives in oslo.", "A barman", "I do not know."], ["Oslo", "bar", ""])
        >>> float(metric.compute())
        0.5
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    keyword_hits: Tensor
    keyword_count: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("keyword_hits", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("keyword_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], keywords: Sequence[str]) -> None:
        """Add a batch.

        Args:
            answers: (B,) texts that the model generated.
            keywords: (B,) words that carry the fact. A question without a keyword is not counted.

        Raises:
            ValueError: If the numbers of texts differ.
        """
        if len(answers) != len(keywords):
            raise ValueError(f"{len(answers)} answers and {len(keywords)} keywords must belong to the same questions")
        found = [
            _contains(plain_answer(said), plain_answer(word)) for said, word in zip(answers, keywords, strict=True) if word
        ]
        self.keyword_hits += sum(found)
        self.keyword_count += len(found)

    def compute(self) -> Tensor:
        """Share of the questions with a keyword, a scalar in [0, 1]; NaN without such questions."""
        return self.keyword_hits / self.keyword_count


def _contains(text: str, words: str) -> bool:
    """Whether words stand in a text with no letter or digit next to them."""
    return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))
