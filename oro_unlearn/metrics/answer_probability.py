"""Answer probability: how likely a model finds the reference answers."""

from torch import Tensor

from oro_unlearn.metrics.question_mean import QuestionMean


class AnswerProbability(QuestionMean):
    """Mean of p(answer | question)^(1 / tokens), the probability of an answer normalised by its length (TOFU, section 2.2.2).

    This is the exponential of the mean log-probability of a token, so the geometric mean of the probabilities of the tokens. It
    sees knowledge that greedy generation hides, and depends on the tokenizer: compare only models with the same one.

    Args:
        kwargs: Arguments of :class:`torchmetrics.Metric`.

    Example:
        >>> import torch
        >>> metric = AnswerProbability()
        >>> metric.update(torch.tensor([0.9, 0.5]).log())
        >>> round(float(metric.compute()), 6)
        0.7
    """

    def update(self, log_probs: Tensor) -> None:
        """Add a batch.

        Args:
            log_probs: (B,) mean log-probability of the tokens of each answer, natural logarithm, at most 0. NaN, from a model
                that is broken, counts as probability 0.

        Raises:
            ValueError: If the shape is wrong or a value is above 0.
        """
        if log_probs.ndim != 1 or (log_probs > 1e-4).any():
            raise ValueError(f"log-probabilities must be (B,) and at most 0: shape {tuple(log_probs.shape)}")
        self.total += log_probs.double().exp().nan_to_num(0.0).clamp(max=1).sum()
        self.count += len(log_probs)
