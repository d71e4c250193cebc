"""Cloze accuracy: whether the words that carry a fact stand in the generated answer."""

import re
from collections.abc import Sequence

from oro_unlearn.metrics.exact_match import plain_answer
from oro_unlearn.metrics.question_mean import QuestionMean


class KeywordAccuracy(QuestionMean):
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
        self.total += sum(found)
        self.count += len(found)


def _contains(text: str, words: str) -> bool:
    """Whether words stand in a text with no letter or digit next to them."""
    return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))
