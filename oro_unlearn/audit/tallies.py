"""Count the test images of each class that every model recognises."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from oro_unlearn.audit.figures import Model
from oro_unlearn.metrics import ConfidenceHistogram
from oro_unlearn.metrics.confidence_histogram import GROUPS

Counts = Sequence[tuple[int, int]]  # for each class: number of recognised images, number of images


class Tally(NamedTuple):
    """Number of images of one or more classes, and how many of them each model recognises."""

    name: str
    total: int  # number of images
    after: int  # images that the edited model recognises
    before: int | None = None  # images that the original recognises; None if there is no original
    retrained: tuple[float, ...] = ()  # share of the images that each retrained model recognises
    allowed: float = 0.0  # share that may be recognised, if it is above chance

    @property
    def share(self) -> float:
        """Share of the images that the edited model recognises; 0 if there are no images."""
        return self.after / self.total if self.total else 0.0


class Tallies(NamedTuple):
    """Counts of the classes of an audit."""

    forgotten: list[Tally]
    others: list[Tally]  # classes that were forgotten neither now nor earlier


def confusion_of(model: Model) -> list[list[int]]:
    """Confusion matrix (K, K) on all test images; rows are labels, columns predictions.

    Args:
        model: Scores of the model.
    """
    splits = [model[split] for split in ("test_retain", "test_forget")]
    classes = splits[0].logits.shape[1]
    cells = torch.cat([split.labels * classes + split.logits.argmax(1) for split in splits])
    return torch.bincount(cells, minlength=classes * classes).view(classes, classes).tolist()


def counts_of(model: Model) -> Counts:
    """Count the test images of every class from the scores of a model.

    Args:
        model: Scores of the model.
    """
    return counts_in(confusion_of(model))


def confidences_of(model: Model) -> dict[str, list[int]]:
    """Counts of :class:`~oro_unlearn.metrics.ConfidenceHistogram` by group, from the scores of a model."""
    histogram = ConfidenceHistogram()
    for group, split in enumerate(GROUPS):
        scores = model[split]
        histogram.update(scores.logits, scores.labels, torch.full_like(scores.labels, group))
    return {group: counts.tolist() for group, counts in histogram.compute().items()}


def counts_in(confusion: Sequence[Sequence[int]]) -> Counts:
    """Count the test images of every class from a confusion matrix whose rows are labels.

    Example:
        >>> counts_in([[3, 1], [0, 2]])
        [(3, 4), (2, 2)]
    """
    return [(int(row[label]), int(sum(row))) for label, row in enumerate(confusion)]


def shares_of(images: Mapping[str, int]) -> dict[str, int]:
    """Number of images behind each figure that is a share of images.

    Args:
        images: Number of images of each split.

    Returns:
        Number of images by name of the figure, without figures that have no images.
    """
    splits = {"acc_f": "test_forget", "acc_r": "test_retain", "train_acc_f": "forget", "train_acc_r": "retain"}
    splits |= {"mia": "forget", "nn_member_rate": "test_forget"}
    return {figure: images[split] for figure, split in splits.items() if images.get(split)}


def tallied(
    counts: Mapping[str, Counts], names: Sequence[str], forgotten: Sequence[int], left_out: Sequence[int] = ()
) -> Tallies:
    """Counts of all classes that have test images.

    Args:
        counts: Counts by model. The keys are ``unlearned`` and, if the audit has these models, ``original``, ``retrained_0``,
            ``retrained_1``, ...
        names: Names of the classes.
        forgotten: Indices of the classes that were to be forgotten.
        left_out: Indices of classes that are neither to be forgotten nor to be kept.
    """

    def tally(label: int) -> Tally:
        after, total = counts["unlearned"][label]
        before = counts["original"][label][0] if "original" in counts else None
        retrained = tuple(model[label][0] / total for role, model in counts.items() if role.startswith("retrained"))
        return Tally(names[label], total, after, before, retrained)

    shown = [label for label, (_, total) in enumerate(counts["unlearned"]) if total]
    kept = [label for label in shown if label not in forgotten and label not in left_out]
    return Tallies([tally(label) for label in shown if label in forgotten], [tally(label) for label in kept])


def together(tallies: Sequence[Tally]) -> Tally:
    """Add up the counts of several classes.

    Args:
        tallies: Counts of the classes; all must come from the same models.

    Example:
        >>> together([Tally("a", 10, 9, 10, (0.5,)), Tally("b", 30, 27, 30, (0.9,))])
        Tally(name='a, b', total=40, after=36, before=40, retrained=(0.8,), allowed=0.0)
    """
    total = sum(tally.total for tally in tallies)
    known = [tally.before for tally in tallies if tally.before is not None]
    models = len(tallies[0].retrained) if tallies and total else 0
    shares = (sum(tally.retrained[model] * tally.total for tally in tallies) / total for model in range(models))
    return Tally(
        ", ".join(tally.name for tally in tallies),
        total,
        sum(tally.after for tally in tallies),
        sum(known) if tallies and len(known) == len(tallies) else None,
        tuple(round(share, 12) for share in shares),
    )
