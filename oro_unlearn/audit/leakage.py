"""Leakage: do a model's outputs tell forgotten training images from test images of the same classes?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from oro_unlearn.attacks import EpsilonBound, epsilon_bound
from oro_unlearn.audit.figures import Model, own_label, sample_margins, several_retained
from oro_unlearn.metrics import rmia

ATTACK_NAMES = {"own": "margin of the own label", "retained": "margin of the likeliest other class", "rmia": "RMIA"}
NEVER = "a lower bound on leakage, never a certificate"


def leakage(model: Model, retrained: Sequence[Model], forgotten: Sequence[int], delta: float = 1e-5) -> EpsilonBound:
    """Compute a lower bound on epsilon for the forgotten training images, from a model's outputs.

    Members are the forgotten training images, non-members the test images of the same classes. If the images were really
    forgotten, the outputs cannot tell them apart, and epsilon is 0. Three attacks compete: the margin of the own label, the
    margin of the most likely retained class, and RMIA with the retrained models as references. The bound takes the images as
    independent, and training and test images of a class as drawn alike.

    Args:
        model: Scores of the model.
        retrained: Models that never saw the forgotten classes, without this model. May be empty.
        forgotten: Indices of the forgotten classes.
        delta: In [0, 1).

    Raises:
        UserError: If delta is not in [0, 1), or there are fewer than two images of a kind.
    """
    rows = dict(zip(("forget", "test_forget"), same_mix(model["forget"].labels, model["test_forget"].labels), strict=True))
    kinds = ("own", "retained") if several_retained(model, forgotten) else ("own",)

    def attacked(split: str) -> dict[str, Tensor]:
        found = {kind: sample_margins(model[split], forgotten, kind)[rows[split]] for kind in kinds}
        if not retrained:
            return found
        population, own = own_label(model["test_retain"]), own_label(model[split])
        beside = [torch.stack([own_label(other[name]) for other in retrained]) for name in (split, "test_retain")]
        return found | {"rmia": rmia(own, beside[0], population, beside[1]).likelihoods[rows[split]]}

    members, others = attacked("forget"), attacked("test_forget")
    return epsilon_bound({name: (members[name], others[name]) for name in members}, delta)


def same_mix(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of two sets such that every class has the same share in both. Otherwise scores could differ by class alone.

    Args:
        first: Labels (n,) of one set.
        second: Labels (m,) of the other set.

    Returns:
        Rows of the first and of the second set. All rows of the second set are taken whose class the first set has.

    Example:
        >>> rows, others = same_mix(torch.tensor([0, 0, 0, 0, 1, 1, 1]), torch.tensor([1, 0, 1, 0]))
        >>> rows.tolist(), others.tolist()
        ([0, 1, 2, 4, 5, 6], [0, 1, 2, 3])
    """
    classes = [label for label in second.unique() if (first == label).any()]
    if not classes:
        return torch.arange(0), torch.arange(0)
    ratio = min(int((first == label).sum()) / int((second == label).sum()) for label in classes)
    parts = [(first == label).nonzero()[: int(ratio * int((second == label).sum()) + 1e-9), 0] for label in classes]
    return torch.cat(parts), torch.isin(second, torch.stack(classes)).nonzero()[:, 0]


def leakage_words(edited: EpsilonBound, original: EpsilonBound | None, retrained: Sequence[EpsilonBound]) -> str:
    """One line of text: the bound, beside that of the original and of the retrained models.

    Args:
        edited: The bound of the edited model.
        original: The bound of the original, if it was given.
        retrained: The bound of each retrained model.
    """
    beside = [f"original {original.epsilon:.2f}"] if original else []
    beside += [f"retrained {', '.join(f'{bound.epsilon:.2f}' for bound in retrained)}"] if retrained else []
    known = f"epsilon is at least {edited.epsilon:.2f}" if edited.epsilon else "no attack tried here shows an epsilon above 0"
    known += f" ({'; '.join(beside)})" if beside else ""
    return (
        f"Leakage of the forgotten training images: {known}; best attack: "
        f"{ATTACK_NAMES[edited.attack]}; delta {edited.delta:g}, 95 %; so many images can show at most {edited.most:.2f}. "
        f"This is {NEVER}."
    )
