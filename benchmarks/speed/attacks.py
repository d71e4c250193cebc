"""Speed of MIA: a support vector machine on a histogram against one on the samples; RMIA against the outer product.

    python -m benchmarks.speed.attacks

Writes benchmarks/results/speed_attacks.json.
"""

import torch
from torch import Tensor

from benchmarks.speed.timing import in_turn, ratio, rounded, write
from oro_unlearn.metrics import MembershipInference, rmia
from oro_unlearn.metrics.membership_inference import fit_svc

SAMPLES = 50_000  # of members and others together
POINTS = 10_000  # that RMIA ranks, among as many of the population


def overfit_confidences(count: int) -> tuple[Tensor, Tensor]:
    """Confidences of training images, and of test images of which one in fourteen is wrong: a classifier that has overfit."""
    generator = torch.Generator().manual_seed(0)
    half = count // 2
    members = torch.randn(half, generator=generator) * 2 + 8
    right = torch.randn(half, generator=generator) * 2.5 + 6
    wrong = torch.randn(half, generator=generator) * 2 - 1
    others = torch.where(torch.rand(half, generator=generator) < 0.07, wrong, right)
    return members.double().sigmoid(), others.double().sigmoid()


def machines(runs: int) -> dict[str, object]:
    """The two machines: time to fit and to judge a thousand forgotten samples, and how often they agree on a fine grid."""
    import numpy as np
    from sklearn.svm import SVC

    members, others = overfit_confidences(SAMPLES)
    targets = torch.linspace(0, 1, 1001, dtype=torch.float64)
    decisions: dict[str, object] = {}

    def exact() -> None:
        values = torch.cat([members, others]).numpy()[:, None]
        labels = np.repeat([1, 0], [len(members), len(others)])
        machine = SVC(C=3, gamma=1.0, class_weight="balanced", cache_size=500).fit(values, labels)
        decisions["exact"] = machine.decision_function(targets.numpy()[:, None]) > 0

    def histogram() -> None:
        metric = MembershipInference()
        for group, values in ((1, members), (0, others), (2, targets)):
            metric.update(values, torch.full((len(values),), group))
        points = [metric._points(group) for group in (1, 0)]
        decisions["histogram"] = fit_svc(*points)(targets.numpy()) > 0

    seconds = in_turn({"scikit-learn SVC": exact, "histogram": histogram}, runs)
    agreement = float((np.asarray(decisions["exact"]) == np.asarray(decisions["histogram"])).mean())
    return {
        "what": f"MIA: SVC on {SAMPLES:,} samples vs on their histogram",
        "ratio": ratio(seconds, "scikit-learn SVC", "histogram"),
        "target": ">= 1000",
        "agreement": agreement,
        "seconds": rounded(seconds),
    }


def rankings(runs: int) -> dict[str, object]:
    """RMIA's scores by sorting and by comparing every sample with every member of the population."""
    generator = torch.Generator().manual_seed(0)
    own, outside, mates, others = (torch.rand(POINTS, generator=generator, dtype=torch.float64) for _ in range(4))
    scores: dict[str, Tensor] = {}

    def outer() -> None:
        likelihoods, relative = (p / ((1.3 * q + 0.7) / 2) for p, q in ((own, outside), (mates, others)))
        scores["outer"] = (likelihoods[:, None] >= relative[None]).double().mean(1)

    def sorting() -> None:
        scores["sorted"] = rmia(own, outside[None], mates, others[None]).scores

    seconds = in_turn({"outer product": outer, "sorting": sorting}, runs)
    return {
        "what": f"RMIA: {POINTS:,} x {POINTS:,} outer product vs sorting",
        "ratio": ratio(seconds, "outer product", "sorting"),
        "target": ">= 500",
        "equal": bool(torch.equal(scores["outer"], scores["sorted"])),
        "seconds": rounded(seconds),
    }


def main() -> None:
    """Measure and write."""
    write("attacks", [machines(runs=5), rankings(runs=9)])


if __name__ == "__main__":
    main()
