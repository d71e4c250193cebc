"""MIA's three protocols: which samples the attacker learns from, and which it judges."""

from typing import Literal

import torch
from torch import Tensor

from oro_unlearn.metrics.membership_inference import MEMBER, NON_MEMBER, TARGET, MembershipInference


def mia(
    train_retained: Tensor,
    train_forgotten: Tensor,
    test_retained: Tensor,
    test_forgotten: Tensor,
    protocol: Literal["rwft", "kodge", "sparse"] = "rwft",
    attack: Literal["svc", "threshold", "svc_exact"] = "svc",
) -> dict[str, float]:
    """:class:`MembershipInference` on the splits that a paper, or its code, takes: figures of two protocols cannot be compared.

    ======== ========================== =================== ================ =========================================
    protocol members                    non-members         judged           source
    ======== ========================== =================== ================ =========================================
    rwft     train_retained             test_retained       train_forgotten  text of Fan et al. and Kodge et al. (2024)
    kodge    train_retained             train_forgotten     test_forgotten   released code of Kodge et al. (TMLR 2024)
    sparse   first of train_retained,   test_retained       train_forgotten  code of Jia et al. (NeurIPS 2023), SalUn
             as many as test_retained
    ======== ========================== =================== ================ =========================================

    Groups are balanced by weight in each, which the released code does not do. ``kodge`` only asks whether confidence on the
    forgotten class is low: it says what ACC_f says, and a mask on the logits scores 1.

    Args:
        train_retained: (N,) probabilities of their own label of the retained training samples, in the order of the data set.
        train_forgotten: (N,) of the forgotten training samples.
        test_retained: (N,) of the retained test samples.
        test_forgotten: (N,) of the test samples of the forgotten classes; read by ``kodge`` alone, empty for single samples.
        protocol: See the table.
        attack: See :class:`MembershipInference`.

    Returns:
        ``mia`` (share of the judged called non-members), ``member_rate``, ``attack_balanced_accuracy`` and ``boundary``, as of
        :class:`MembershipInference`; NaN with a warning if a group is empty.

    Raises:
        ValueError: If the protocol is unknown, or a confidence is NaN or outside [0, 1].

    Example:
        >>> import torch
        >>> splits = torch.tensor([[.9, .95, .97, .99], [.02, .05, .60, .93], [.1, .2, .3, .4], [.01, .02, .03, .04]])
        >>> round(mia(*splits)["mia"], 4), round(mia(*splits, protocol="kodge")["mia"], 4)
        (0.75, 1.0)
    """
    if protocol not in ("rwft", "kodge", "sparse"):
        raise ValueError(f"protocol must be 'rwft', 'kodge' or 'sparse', not {protocol!r}")
    members = train_retained[: len(test_retained)] if protocol == "sparse" else train_retained
    others, judged = (train_forgotten, test_forgotten) if protocol == "kodge" else (test_retained, train_forgotten)
    metric = MembershipInference(attack).to(members.device)
    for group, confidences in ((MEMBER, members), (NON_MEMBER, others), (TARGET, judged)):
        metric.update(confidences, torch.full_like(confidences, group, dtype=torch.long))
    return {name: float(value) for name, value in metric.compute().items()}
