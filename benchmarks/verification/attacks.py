"""Compares attacks of the package with transcribed equations and scikit-learn, on random inputs."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchmarks.verification import metrics as transcribed
from benchmarks.verification.measures import FORGOTTEN, by_number, draw
from benchmarks.verification.metrics import Floats
from benchmarks.verification.rows import Row, apart, figures_apart
from oro_unlearn import metrics
from oro_unlearn.attacks import epsilon_bound

MACHINE = "sklearn.svm.SVC(C=3, gamma='auto', class_weight='balanced') on the samples"
PAPERS = "Kodge et al., TMLR 2024, and Fan et al., ICLR 2024"


def confidences() -> dict[str, Tensor]:
    """Probabilities of their own label of members, others and those that are judged."""
    generator = np.random.default_rng(0)
    shapes = {
        "train_retained": (6, 1.5, 240),
        "test_retained": (2, 2, 160),
        "train_forgotten": (2, 1.5, 90),
        "test_forgotten": (1.5, 2, 70),
    }
    return {name: torch.from_numpy(generator.beta(*shape)) for name, shape in shapes.items()}


def machine(members: Tensor, others: Tensor, judged: Tensor) -> dict[str, float]:
    """Verdict of scikit-learn's support vector machine on float32 samples, as the product keeps them."""
    from scipy.optimize import brentq
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.svm import SVC

    x, z = (values.float().double().numpy()[:, None] for values in (torch.cat([members, others]), judged))
    y = np.repeat([1, 0], [len(members), len(others)])
    fitted = SVC(C=3, gamma="auto", class_weight="balanced").fit(x, y)
    rate = float(fitted.predict(z).mean())
    levels = np.linspace(0, 1, 2001)
    signs = fitted.predict(levels[:, None])
    turn = int(np.flatnonzero((signs[:-1] == 0) & (signs[1:] == 1))[0])
    boundary = brentq(lambda level: float(fitted.decision_function([[level]])[0]), levels[turn], levels[turn + 1])
    return {
        "mia": 1 - rate,
        "member_rate": rate,
        "attack_balanced_accuracy": balanced_accuracy_score(y, fitted.predict(x)),
        "boundary": boundary,
    }


def verdict(kind: Any, members: Tensor, others: Tensor, judged: Tensor, **options: Any) -> dict[str, float]:
    """Of an attack of the product."""
    metric = kind(**options)
    for group, values in ((1, members), (0, others), (2, judged)):
        metric.update(values, torch.full((len(values),), group))
    return {name: float(value) for name, value in metric.compute().items()}


def membership() -> list[Row]:
    """Support vector machine, its histogram, and the best threshold."""
    from sklearn.metrics import roc_curve

    own, kind = confidences(), metrics.MembershipInference
    groups = own["train_retained"], own["test_retained"], own["train_forgotten"]
    exact = machine(*groups)
    labels = np.repeat([1, 0], [len(groups[0]), len(groups[1])])
    false, true, levels = roc_curve(labels, torch.cat(groups[:2]).float().numpy(), drop_intermediate=False)
    best = int((true - false).argmax())
    middle = (levels[best] + levels[best + 1]) / 2  # between two neighbouring scores
    rate = float((groups[2].float().numpy() > middle).mean())
    sharpest = {"mia": 1 - rate, "attack_balanced_accuracy": float((true - false)[best] + 1) / 2}
    exactly, threshold = (
        figures_apart(verdict(kind, *groups, attack=a), b) for a, b in (("svc_exact", exact), ("threshold", sharpest))
    )
    binned = figures_apart(verdict(kind, *groups), exact)
    youden, why = "sklearn.metrics.roc_curve, largest TPR - FPR", "a histogram of 512 bins stands for the samples"
    return [
        Row("MembershipInference", "MIA, svc_exact", f"{PAPERS}: {MACHINE}", "rates and boundary", exactly),
        Row("MembershipInference", "MIA, svc", f"{PAPERS}: {MACHINE}", "rates and boundary", binned, 1e-3, why),
        Row("MembershipInference", "MIA, threshold", youden, "rates", threshold),
    ]


def protocols() -> list[Row]:
    """Who learns and who is judged, by the paper; and MIA-NN, by another probability."""
    own = confidences()
    splits = own["train_retained"], own["train_forgotten"], own["test_retained"], own["test_forgotten"]
    verdicts: dict[Literal["rwft", "kodge", "sparse"], Any] = {
        "rwft": machine(splits[0], splits[2], splits[1]),
        "kodge": machine(splits[0], splits[1], splits[3]),
        "sparse": machine(splits[0][: len(splits[2])], splits[2], splits[1]),
    }
    differences = [
        figures_apart(metrics.mia(*splits, protocol=name, attack="svc_exact"), figures) for name, figures in verdicts.items()
    ]
    names = {
        "nn_member_rate": "member_rate",
        "nn_attack_success": "mia",
        "attack_balanced_accuracy": "attack_balanced_accuracy",
    }
    nearest = {name: verdicts["rwft"][other] for name, other in names.items()}
    found = verdict(metrics.NearestClassMIA, splits[0], splits[2], splits[1], attack="svc_exact")
    paper = f"RWFT (arXiv 2506.20893), section 3.2: {MACHINE}"
    return [
        Row(
            "mia", "mia, three protocols", f"{PAPERS}, Jia et al. (sparse): {MACHINE}", "rates and boundaries", max(differences)
        ),
        Row("NearestClassMIA", "MIA-NN", paper, "rates", figures_apart(found, nearest)),
    ]


def population() -> Row:
    """RMIA offline, online, and with another gamma."""
    generator = np.random.default_rng(1)
    p, z = generator.random(40), generator.random(70)
    outside, others, inside = generator.random((3, 40)), generator.random((3, 70)), generator.random((2, 40))
    differences = []
    for gamma, within in ((1.0, None), (2.0, None), (1.0, inside)):
        likelihoods = transcribed.relative_likelihood(p, outside, within, 0.3)
        expected = transcribed.dominated(likelihoods, transcribed.relative_likelihood(z, others, None, 0.3), gamma)
        given = [torch.from_numpy(values) for values in (p, outside, z, others)]
        found = metrics.rmia(*given, references_in=None if within is None else torch.from_numpy(within), gamma=gamma)
        differences += [
            figures_apart(by_number(found.scores), by_number(expected)),
            figures_apart(by_number(found.likelihoods), by_number(likelihoods)),
        ]
    return Row(
        "rmia",
        "RMIA",
        "Zarifzadeh et al., ICML 2024; privacytrustlab/ml_privacy_meter, modules/mia/attacks/rmia.py",
        "scores by all pairs, and relative likelihoods; offline and online",
        max(differences),
    )


def shadow_models() -> list[Row]:
    """U-LIRA by leaving out, in three ways to take a variance, and on targets."""
    unlearned, retrained = (draw(5, 30, seed=12) + 0.8).numpy(), draw(5, 30, seed=13).numpy()
    ways = {"pooled": ("example", "pooled"), "example": ("example", "example"), "class": ("class", "auto")}
    differences = [one_way(unlearned, retrained, sharing, *options) for sharing, options in ways.items()]
    targets = (draw(2, 30, seed=14) + 0.8).numpy(), draw(3, 30, seed=15).numpy()
    given = [torch.from_numpy(values) for values in (unlearned, retrained, *targets)]
    ratios = [transcribed.log_ratio(target, unlearned, retrained, "example") for target in targets]
    held = metrics.u_lira(*given, variance="example").log_ratios
    logits, labels = draw(20, 5, seed=16), torch.arange(20) % 5
    odds = transcribed.log_odds(transcribed.softmax(logits.numpy()), labels.tolist())
    kept = torch.tensor([0, 2, 4])[torch.arange(20) % 3]
    rest = transcribed.log_odds(transcribed.without(transcribed.softmax(logits.numpy()), FORGOTTEN), (kept // 2).tolist())
    margins = torch.cat([metrics.logit_margin(logits, labels), metrics.logit_margin(logits, kept, excluding=FORGOTTEN)])
    paper = "Hayes et al. 2024; Carlini et al., IEEE S&P 2022"
    return [
        Row(
            "u_lira",
            "U-LIRA, leaving out",
            paper,
            "log ratios, accuracy, AUC and jackknife error; three kinds of variance",
            max(differences),
        ),
        Row(
            "u_lira",
            "U-LIRA, on targets",
            paper,
            "log ratios",
            figures_apart(by_number(held), by_number(np.concatenate(ratios))),
        ),
        Row(
            "logit_margin",
            "logit_margin",
            "Carlini et al., IEEE S&P 2022",
            "of each sample; over all, and over the retained classes",
            figures_apart(by_number(margins), by_number(np.concatenate([odds, rest]))),
        ),
    ]


def one_way(unlearned: Floats, retrained: Floats, sharing: str, protocol: Any, variance: Any) -> float:
    """Difference of all figures with one kind of variance."""
    from sklearn.metrics import roc_auc_score

    found = metrics.u_lira(*(torch.from_numpy(side) for side in (unlearned, retrained)), protocol=protocol, variance=variance)
    first, second = transcribed.left_out(unlearned, retrained, sharing)
    fewer = [
        transcribed.left_out(*(np.delete(side, n, 0) for side in (unlearned, retrained)), sharing)
        for n in range(len(unlearned))
    ]
    expected = {
        "accuracy": transcribed.balanced(first, second),
        "auc": roc_auc_score(np.repeat([1, 0], [first.size, second.size]), np.concatenate([first.ravel(), second.ravel()])),
        "error": transcribed.jackknife([transcribed.balanced(*sides) for sides in fewer]),
    }
    figures = {"accuracy": found.accuracy, "auc": found.auc, "error": found.standard_error}
    return max(
        figures_apart(figures, expected), figures_apart(by_number(found.log_ratios), by_number(np.concatenate([first, second])))
    )


def leakage() -> list[Row]:
    """How sure a model is, by bins; and a bound on epsilon, whose limits are those of exact binomial tests."""
    from scipy.special import logit, softmax
    from scipy.stats import binomtest

    logits, labels, groups = 6 * draw(400, 5, seed=31), torch.arange(400) % 5, torch.arange(400) % 4
    histogram = metrics.ConfidenceHistogram()
    histogram.update(logits, labels, groups)
    sure = logit(softmax(logits.numpy(), axis=1)[np.arange(400), labels])
    counted = [np.histogram(np.clip(sure[groups == group], -16, 16), 64, (-16, 16))[0] for group in range(4)]
    members, others = draw(300, seed=32) + 1.5, draw(260, seed=33)
    found = epsilon_bound({"score": (members, others)}, delta=0.01)
    generator = torch.Generator().manual_seed(0)
    halves = [values[torch.randperm(len(values), generator=generator)].tensor_split(2) for values in (members, others)]
    first, second = zip(*halves, strict=True)
    quantiles = {0: (0.05, 0.2, 0.5), 1: (0.5, 0.8, 0.95)}  # of members, of non-members
    levels = [np.quantile(first[group], at, method="lower") for group, shares in quantiles.items() for at in shares]
    bounds = []
    for level in levels:
        hits, alarms = (
            binomtest(int((part > level).sum()), len(part)).proportion_ci(1 - 2 * 0.05 / 12, method="exact") for part in second
        )
        bounds += [np.log((hits.low - 0.01) / alarms.high), np.log((1 - alarms.high - 0.01) / (1 - hits.low))]
    source = "Kairouz, Oh, Viswanath, ICML 2015, theorem 2.1; scipy.stats.binomtest"
    return [
        Row(
            "ConfidenceHistogram",
            "ConfidenceHistogram",
            "numpy.histogram, scipy.special.logit",
            "counts of four groups",
            apart(torch.cat(list(histogram.compute().values())), torch.from_numpy(np.concatenate(counted))),
        ),
        Row("epsilon_bound", "epsilon_bound", source, "the bound", figures_apart({"": found.epsilon}, {"": max(bounds)})),
    ]


def rows() -> list[Row]:
    """All of them."""
    return [*membership(), *protocols(), population(), *shadow_models(), *leakage()]
