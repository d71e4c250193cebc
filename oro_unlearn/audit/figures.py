"""Computes every figure of a classifier from its saved scores, without running or training a network."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean

import torch
from torch import Tensor

from oro_unlearn.attacks import Scores, cka, separation_margin
from oro_unlearn.attacks.classes import FEWEST, centroid_margins, feature_lira, feature_lira_of
from oro_unlearn.metrics import (
    NearestClassMIA,
    auc,
    logit_margin,
    mia,
    nearest_class,
    nn_auc_vs_retrain,
    rmia,
    total_variation,
    u_lira,
)

Model = Mapping[str, Scores]  # by split
Figures = dict[str, float]
SATURATED = 50.0  # margins are clipped here: an attacker gains nothing from larger ones, such as a mask's infinite ones


def accuracies(model: Model, forgotten: Sequence[int]) -> Figures:
    """ACC_f and ACC_r on test and training images."""
    figures = {}
    for name, split in (
        ("acc_r", "test_retain"),
        ("acc_f", "test_forget"),
        ("train_acc_r", "retain"),
        ("train_acc_f", "forget"),
    ):
        scores = model[split]
        figures[name] = float((scores.logits.argmax(1) == scores.labels).double().mean())
    return figures


def utv_of(a: Model, b: Model, split: str, forgotten: Sequence[int] = (), conditional: bool = False) -> float:
    """Mean total variation between two models on a split."""
    return float(total_variation(a[split].logits, b[split].logits, forgotten, conditional=conditional).mean())


def floor(models: Sequence[Model], split: str) -> float:
    """Mean total variation on a split between different models of the same kind."""
    return mean(utv_of(a, b, split) for n, a in enumerate(models) for b in models[n + 1 :])


def audit_model(model: Model, retrained: Sequence[Model], originals: Mapping[int, Model], forgotten: Sequence[int]) -> Figures:
    """Compute every figure of a model for which its scores and the other models suffice.

    Args:
        model: Its scores.
        retrained: Models that never saw the forgotten classes, without this model. May be empty.
        originals: Originals with which this model is compared, by seed. May be empty.
        forgotten: Indices of the forgotten classes.
    """
    figures = accuracies(model, forgotten)
    own = {split: own_label(scores) for split, scores in model.items()}
    attack = mia(own["retain"], own["forget"], own["test_retain"], own["test_forget"])
    figures |= {"mia": attack["mia"], "mia_own_accuracy": attack["attack_balanced_accuracy"]}
    if retrained:
        figures |= beside_retrained(model, retrained, forgotten)
        figures |= rmia_figures(own, [{split: own_label(scores) for split, scores in other.items()} for other in retrained])
    return figures | alignments(model, retrained, originals)


def alignments(model: Model, retrained: Sequence[Model], originals: Mapping[int, Model]) -> Figures:
    """CKA between this model's features of test images and those of other models; empty if only outputs are known.

    Args:
        model: Its scores.
        retrained: Models that never saw the forgotten classes.
        originals: Originals from which this model comes, by seed.
    """
    features = test_features(model)
    if not features.shape[1]:
        return {}
    figures = {}
    found = {f"cka_original_s{seed}": cka(features, test_features(other)) for seed, other in originals.items()}
    if originals:
        figures["cka_original"] = mean(found.values())
    figures |= found if len(found) > 1 else {}  # for retrained models; an edit is compared with its own original only
    if retrained:
        figures["cka_retrained"] = mean(cka(features, test_features(other)) for other in retrained)
    return figures


def feature_places(models: Mapping[str, Model], retrained: Sequence[str], forgotten: Sequence[int]) -> dict[str, Figures]:
    """U-LIRA on features (:func:`~oro_unlearn.attacks.classes.feature_lira`) of every model, by name.

    Args:
        models: Scores of the models, by name.
        retrained: Names of the retrained models.
        forgotten: Indices of the forgotten classes.

    Returns:
        Figures by name; empty with fewer than three retrained models, or without features.
    """
    if len(retrained) < FEWEST or not all(test_features(model).shape[1] for model in models.values()):
        return {}
    margins = {name: _margins_in_features(model, forgotten) for name, model in models.items()}
    found: dict[str, Figures] = {}
    for name, own in margins.items():
        others = [margins[other] for other in retrained if other != name]
        judge = feature_lira(own, torch.stack(others)) if name in retrained else feature_lira_of(own, others)
        found[name] = {"feature_lira/outside": judge}
    return found


def _margins_in_features(model: Model, forgotten: Sequence[int]) -> Tensor:
    """Margins of the forgotten test images to the centroids of the training images."""
    features, labels = (torch.cat([model[split][place] for split in ("retain", "forget")]) for place in (1, 2))
    own = model["test_forget"]
    return centroid_margins(features, labels, own.features, own.labels, forgotten)


def beside_retrained(model: Model, retrained: Sequence[Model], forgotten: Sequence[int]) -> Figures:
    """Total variation to retrained models, and MIA-NN with the nearest class that retrained models give."""
    several, figures = several_retained(model, forgotten), {}
    for split, prefix in (("test_forget", "test"), ("forget", "train")):
        figures[f"utv_{prefix}"] = mean(utv_of(model, other, split) for other in retrained)
        if several:
            figures[f"utv_{prefix}_conditional"] = mean(utv_of(model, other, split, forgotten, True) for other in retrained)
    return figures | (nearest_figures(model, retrained, forgotten) if several else {})


def several_retained(model: Model, forgotten: Sequence[int]) -> bool:
    """Whether there are at least two retained classes, which comparisons among them need."""
    return model["test_retain"].logits.shape[1] - len(forgotten) > 1


def own_label(scores: Scores) -> Tensor:
    """Probability that each sample gets for its own label, (N,) float64."""
    return scores.logits.double().softmax(1).gather(1, scores.labels[:, None])[:, 0]


def test_features(model: Model) -> Tensor:
    """Features of all test images (N, D)."""
    return torch.cat([model["test_retain"].features, model["test_forget"].features])


def nearest_figures(model: Model, retrained: Sequence[Model], forgotten: Sequence[int]) -> Figures:
    """MIA-NN on test images, averaged over the forgotten classes."""
    rates, accuracy, separations = [], [], []
    retain, target = (model[split].logits.double().softmax(1) for split in ("test_retain", "test_forget"))
    for label in forgotten:
        rows = model["test_forget"].labels == label
        references = torch.stack([other["test_forget"].logits.double().softmax(1)[rows] for other in retrained])
        near = nearest_class(references.mean((0, 1)), forgotten)
        attack = NearestClassMIA(near)
        attack.update(retain[:, near].float(), (model["test_retain"].labels == near).long())
        attack.update(target[rows, near].float(), torch.full((int(rows.sum()),), 2))
        found = attack.compute()
        rates.append(float(found["nn_member_rate"]))
        accuracy.append(float(found["attack_balanced_accuracy"]))
        separations.append(nn_auc_vs_retrain(target[rows, near], references[:, :, near]))
    return {"nn_member_rate": mean(rates), "nn_own_accuracy": mean(accuracy), "nn_auc": mean(separations)}


def rmia_figures(own: Mapping[str, Tensor], references: Sequence[Mapping[str, Tensor]]) -> Figures:
    """AUC of RMIA between training and test images, of the forgotten and of the retained classes.

    The retrained models are the references. They never saw a forgotten image, but saw all retained training images. So
    ``rmia_retain`` is not the published attack: only compare it with the value of the retrained models.
    """
    population = torch.stack([other["test_retain"] for other in references])
    figures = {}
    for name, members, others in (("rmia_forget", "forget", "test_forget"), ("rmia_retain", "retain", "test_retain")):
        found = [
            rmia(own[split], torch.stack([other[split] for other in references]), own["test_retain"], population)
            for split in (members, others)
        ]
        figures[name] = auc(*(result.likelihoods for result in found))  # they rank as the scores do, but without ties
    return figures


def margins(model: Model, forgotten: Sequence[int], kind: str) -> Tensor:
    """The statistic (N,) for one U-LIRA attack on the forgotten classes.

    Args:
        model: Its scores.
        forgotten: Indices of the forgotten classes.
        kind: ``own``: margin of the own label, for training images. ``retained``: margin of the most likely retained class
            among the retained classes. ``features``: silhouette values of test images in feature space.
    """
    if kind == "features":
        labels = torch.cat([model["test_retain"].labels, model["test_forget"].labels])
        return separation_margin(test_features(model), labels, forgotten).double()
    return sample_margins(model["forget"], forgotten, kind)


def sample_margins(scores: Scores, forgotten: Sequence[int], kind: str) -> Tensor:
    """The margin (N,) of each sample of a split, clipped where an attacker gains nothing from a larger one.

    Args:
        scores: Scores of the split.
        forgotten: Indices of the forgotten classes.
        kind: ``own`` or ``retained``, as for :func:`margins`.
    """
    if kind == "own":
        return logit_margin(scores.logits, scores.labels).clamp(-SATURATED, SATURATED)
    kept = scores.logits.index_fill(1, torch.tensor(list(forgotten)), -torch.inf)
    return logit_margin(scores.logits, kept.argmax(1), excluding=forgotten).clamp(-SATURATED, SATURATED)


def attack_models(unlearned: Sequence[Model], retrained: Sequence[Model], forgotten: Sequence[int]) -> dict[str, Figures]:
    """U-LIRA between unlearned and retrained models, with leave-one-out, by statistic."""
    found = {}
    for kind in ("own", "retained", "features") if several_retained(retrained[0], forgotten) else ("own", "features"):
        ours, theirs = (torch.stack([margins(model, forgotten, kind) for model in models]) for models in (unlearned, retrained))
        example, pooled = u_lira(ours, theirs), u_lira(ours, theirs, protocol="class")
        found[kind] = {
            "accuracy": example.accuracy,
            "auc": example.auc,
            "standard_error": example.standard_error,
            "class_accuracy": pooled.accuracy,
            "class_standard_error": pooled.standard_error,
        }
    return found


def rounded(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Round to five digits, and replace NaN by None."""
    return {name: None if math.isnan(value) else round(float(value), 5) for name, value in figures.items()}
