"""How many test images of each class every model recognises."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oro_unlearn.audit.figures import Model

Counts = Sequence[tuple[int, int]]  # of every class: images recognised, and images


class Tally(NamedTuple):
    """Images of one class, or of several together, and how many of them are recognised."""

    name: str
    total: int  # images
    after: int  # recognised by the edited model
    before: int | None = None  # by the original; None where it was not given
    retrained: tuple[float, ...] = ()  # share recognised by each retrained model

    @property
    def share(self) -> float:
        """Of the images that the edited model recognises; 0 without images."""
        return self.after / self.total if self.total else 0.0


class Tallies(NamedTuple):
    """The classes of an audit."""

    forgotten: list[Tally]
    others: list[Tally]  # neither forgotten now nor earlier


def counts_of(model: Model) -> Counts:
    """Test images of every class, from scores.

    Args:
        model: Its scores.
    """
    parts = [model[split] for split in ("test_retain", "test_forget")]
    counts = []
    for label in range(parts[0].logits.shape[1]):
        own = [part.logits[part.labels == label].argmax(1) == label for part in parts]
        counts.append((sum(int(hits.sum()) for hits in own), sum(map(len, own))))
    return counts


def counts_in(confusion: Sequence[Sequence[int]]) -> Counts:
    """Test images of every class, from a confusion matrix whose rows are labels.

    Example:
        >>> counts_in([[3, 1], [0, 2]])
        [(3, 4), (2, 2)]
    """
    return [(int(row[label]), int(sum(row))) for label, row in enumerate(confusion)]


def shares_of(images: Mapping[str, int]) -> dict[str, int]:
    """Of how many images some figures are shares, by figure; figures of no image are left out.

    Args:
        images: Number by split.
    """
    splits = {"acc_f": "test_forget", "acc_r": "test_retain", "train_acc_f": "forget", "train_acc_r": "retain"}
    splits |= {"mia": "forget", "nn_member_rate": "test_forget"}
    return {figure: images[split] for figure, split in splits.items() if images.get(split)}


def tallied(
    counts: Mapping[str, Counts], names: Sequence[str], forgotten: Sequence[int], left_out: Sequence[int] = ()
) -> Tallies:
    """The classes that have test images.

    Args:
        counts: By model: ``unlearned``, and where they are given ``original`` and ``retrained_0``, ``retrained_1``, ...
        names: Of the classes.
        forgotten: Indices of what was to be forgotten.
        left_out: Indices of classes that are neither that nor to be kept.
    """

    def tally(label: int) -> Tally:
        after, total = counts["unlearned"][label]
        before = counts["original"][label][0] if "original" in counts else None
        retrained = tuple(own[label][0] / total for role, own in counts.items() if role.startswith("retrained"))
        return Tally(names[label], total, after, before, retrained)

    shown = [label for label, (_, total) in enumerate(counts["unlearned"]) if total]
    kept = [label for label in shown if label not in forgotten and label not in left_out]
    return Tallies([tally(label) for label in shown if label in forgotten], [tally(label) for label in kept])


def together(tallies: Sequence[Tally]) -> Tally:
    """All images of several classes.

    Args:
        tallies: Of the same models.

    Example:
        >>> together([Tally("a", 10, 9, 10, (0.5,)), Tally("b", 30, 27, 30, (0.9,))])
        Tally(name='a, b', total=40, after=36, before=40, retrained=(0.8,))
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
