"""MIA-NN: does the model take the forgotten class for its nearest class as often as a retrained model does?"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from oro_unlearn.metrics.membership_inference import MembershipInference
from oro_unlearn.metrics.ranking import auc


class NearestClassMIA(MembershipInference):
    """An attacker learns to recognise the nearest class, and then judges images of the forgotten class.

    The attack is from RWFT, section 3.2 (CMIA in its ICML 2026 version). The confidence is the probability of the nearest
    retained class. Members are test images of that class, non-members are test images of the other retained classes, and
    targets are images of the forgotten class. The paper's Table 1 gives ``nn_attack_success``. Neither a high nor a low rate is
    good: the ideal is the retrained model's value.

    Args:
        neighbour: Index of the nearest class, which :func:`nearest_class` chooses. It is only stored.
        kwargs: Arguments of :class:`MembershipInference`.

    Example:
        >>> import torch
        >>> metric = NearestClassMIA(neighbour=9)
        >>> metric.update(torch.tensor([.9, .95, .97, .99]), torch.full((4,), 1))
        >>> metric.update(torch.tensor([.1, .2, .3, .4]), torch.full((4,), 0))
        >>> metric.update(torch.tensor([.02, .05, .60, .93]), torch.full((4,), 2))
        >>> {name: float(value) for name, value in metric.compute().items()}
        {'nn_member_rate': 0.25, 'nn_attack_success': 0.75, 'attack_balanced_accuracy': 1.0}
    """

    def __init__(self, neighbour: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.neighbour = neighbour

    def compute(self) -> dict[str, Tensor]:
        """Fit the attack and judge the targets.

        Returns:
            ``nn_member_rate`` (share of targets taken for the nearest class), ``nn_attack_success`` (1 - that rate) and
            ``attack_balanced_accuracy`` (which must be well above 0.5). NaN as in :class:`MembershipInference`.
        """
        result = super().compute()
        return {
            "nn_member_rate": result["member_rate"],
            "nn_attack_success": result["mia"],
            "attack_balanced_accuracy": result["attack_balanced_accuracy"],
        }


def nearest_class(probabilities: Tensor, forget_classes: Sequence[int]) -> int:
    """The retained class a forgotten class is most often taken for.

    Args:
        probabilities: (K,) mean or sum of the probabilities of the forgotten class's test images. Use retrained models if there
            are any, and the original otherwise.
        forget_classes: Indices of all forgotten classes.

    Returns:
        Index of the nearest class; the lowest index in a tie.

    Raises:
        ValueError: If fewer than two classes are retained. Then there are no non-members.

    Example:
        >>> import torch
        >>> nearest_class(torch.tensor([.2, .5, .3]), forget_classes=[1])
        2
    """
    retained = [label for label in range(len(probabilities)) if label not in set(forget_classes)]
    if len(retained) < 2:
        raise ValueError("MIA-NN needs at least two retained classes")
    return retained[int(probabilities[retained].argmax())]


def nn_auc_vs_retrain(unlearned: Tensor, retrained: Tensor) -> float:
    """AUC of the nearest class's probability between an unlearned and retrained models, without attacker or threshold.

    Args:
        unlearned: (N,) probabilities of the nearest class for images of the forgotten class.
        retrained: (N,) of a retrained model on the same images, or (T, N) of T models, whose AUCs are averaged.

    Returns:
        A value in [0, 1]; NaN without images. The ideal is 0.5. Above 0.5, the unlearned model takes the images for the nearest
        class more than retrained models do. The floor is the value between retrained models.

    Raises:
        ValueError: If the images differ in number, or a probability is NaN.

    Example:
        >>> import torch
        >>> nn_auc_vs_retrain(torch.tensor([.2, .5]), torch.tensor([[.2, .6], [.4, .8]]))
        0.3125
    """
    if unlearned.ndim != 1 or retrained.shape[-1:] != unlearned.shape:
        raise ValueError(f"the same images are needed: unlearned {tuple(unlearned.shape)}, retrained {tuple(retrained.shape)}")
    return auc(unlearned, retrained)
