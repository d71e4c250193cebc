"""ROUGE: how many words a generated answer shares with the reference answer."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from oro_unlearn.user_error import UserError

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class RougeScores(Metric):
    """Mean F1 of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum (Lin 2004), by Google's ``rouge_score``.

    ROUGE-Lsum compares lines: a text without line breaks has the same ROUGE-L and ROUGE-Lsum. torchmetrics' ``ROUGEScore``
    splits sentences by a model of nltk that it downloads; this metric needs no download. ``rouge_score`` keeps only the letters
    a to z and digits: text in other scripts has no words for it, and letters with accents split words. TOFU reports the recall
    of ROUGE-L with stemming, which an answer of many words can raise; F1 punishes these words.

    Args:
        use_stemmer: Whether words with the same English stem are equal (Porter).
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> metric = RougeScores()
        >>> metric.update(["She lives in Oslo.", "A baker"], ["She lives in Bergen.", "a baker"])
        >>> {name: round(float(value), 6) for name, value in metric.compute().items()}
        {'rouge1': 0.875, 'rouge2': 0.833333, 'rougeL': 0.875, 'rougeLsum': 0.875}
    """

    is_differentiable = False
    higher_is_better = None
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    rouge_sums: Tensor
    rouge_count: Tensor

    def __init__(self, use_stemmer: bool = False, **kwargs: Any) -> None:
        try:
            from rouge_score.rouge_scorer import RougeScorer
        except ImportError:
            raise UserError("ROUGE needs rouge-score: pip install 'oro_unlearn[mllm]'") from None

        super().__init__(**kwargs)
        self.scorer = RougeScorer(list(KINDS), use_stemmer=use_stemmer)
        self.add_state("rouge_sums", torch.zeros(len(KINDS), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("rouge_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, answers: Sequence[str], references: Sequence[str]) -> None:
        """Add a batch.

        Args:
            answers: (B,) texts that the model generated. An empty text scores 0.
            references: (B,) reference answers to the same questions.

        Raises:
            ValueError: If the numbers of texts differ.
        """
        if len(answers) != len(references):
            raise ValueError(f"{len(answers)} answers and {len(references)} references must belong to the same questions")
        for answer, reference in zip(answers, references, strict=True):
            scores = self.scorer.score(reference, answer)
            self.rouge_sums += torch.tensor([scores[kind].fmeasure for kind in KINDS]).to(self.rouge_sums)
        self.rouge_count += len(answers)

    def compute(self) -> dict[str, Tensor]:
        """``rouge1``, ``rouge2``, ``rougeL`` and ``rougeLsum`` in [0, 1]; NaN without questions."""
        return dict(zip(KINDS, self.rouge_sums / self.rouge_count, strict=True))
