"""Exact match: whether a generated answer is the reference answer."""

import unicodedata
from collections.abc import Sequence

from oro_unlearn.metrics.question_mean import QuestionMean


def plain_answer(text: str) -> str:
    """A text as answers are compared: Unicode NFKC, case folded, single spaces, without a full stop at the end.

    Example:
        >>> plain_answer("  In   OSLO. ")
        'in oslo'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).removesuffix(".").rstrip()


class ExactMatch(QuestionMean):
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
        self.total += sum(plain_answer(said) == plain_answer(right) for said, right in zip(answers, references, strict=True))
        self.count += len(answers)
