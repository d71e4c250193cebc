"""Figures of every model from the saved scores: nothing is trained or run here."""

import math
import sys
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from benchmarks.jobs import Job
from oro_unlearn.attacks import Scores, cka, load_scores, separation_margin
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

Model = dict[str, Scores]  # by split
Figures = dict[str, float]
SHADOWS = 3  # on each side, for leave-one-out
SATURATED = 50.0  # margins beyond it, the mask's infinite ones among them, are all the same to an attacker


def distance(job: Job, references: Sequence[Job]) -> float:
    """How far an edit is from retrained models on held-out images: |ACC_r| + |ACC_f| + |UTV - floor|; lower is better.

    Args:
        job: The edit.
        references: Scorings of two or more retrained models.
    """
    labels = forgotten_classes(job)
    model, others = read(job), [read(reference) for reference in references]
    found, expected = accuracies(model, labels), [accuracies(other, labels) for other in others]
    gaps = [abs(found[name] - mean(figures[name] for figures in expected)) for name in ("acc_r", "acc_f")]
    utv = mean(utv_of(model, other, "test_forget") for other in others)
    return sum(gaps) + abs(utv - floor(others, "test_forget"))


def read(job: Job) -> Model:
    """Scores of a finished job."""
    return load_scores(job.folder / "scores.safetensors")


def forgotten_classes(job: Job) -> list[int]:
    """Labels of the forget set."""
    return read(job)["forget"].labels.unique().tolist()


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
    """Mean total variation between different models of a kind."""
    return mean(utv_of(a, b, split) for n, a in enumerate(models) for b in models[n + 1 :])


def audit_model(model: Model, retrained: Sequence[Model], originals: Mapping[int, Model], forgotten: Sequence[int]) -> Figures:
    """Every figure of one model.

    Args:
        model: Its scores.
        retrained: Models that never saw the forgotten classes, without this one.
        originals: What this one is compared with as what it comes from, by seed.
        forgotten: Indices of the forgotten classes.
    """
    figures = accuracies(model, forgotten)
    own = {split: own_label(scores) for split, scores in model.items()}
    attack = mia(own["retain"], own["forget"], own["test_retain"], own["test_forget"])
    figures |= {"mia": attack["mia"], "mia_own_accuracy": attack["attack_balanced_accuracy"]}
    for split, prefix in (("test_forget", "test"), ("forget", "train")):
        figures[f"utv_{prefix}"] = mean(utv_of(model, other, split) for other in retrained)
        if _several_retained(model, forgotten):
            figures[f"utv_{prefix}_conditional"] = mean(utv_of(model, other, split, forgotten, True) for other in retrained)
    if _several_retained(model, forgotten):
        figures |= nearest_figures(model, retrained, forgotten)
    figures |= rmia_figures(own, [{split: own_label(scores) for split, scores in other.items()} for other in retrained])
    features = test_features(model)
    alignments = {f"cka_original_s{seed}": cka(features, test_features(other)) for seed, other in originals.items()}
    figures["cka_original"] = mean(alignments.values())
    figures |= alignments if len(alignments) > 1 else {}  # of retrained models: an edit is compared with those to its own
    figures["cka_retrained"] = mean(cka(features, test_features(other)) for other in retrained)
    return figures


def _several_retained(model: Model, forgotten: Sequence[int]) -> bool:
    """With one retained class nothing can be compared among the retained ones."""
    return model["test_retain"].logits.shape[1] - len(forgotten) > 1


def own_label(scores: Scores) -> Tensor:
    """Probability of each sample's own label, (N,) float64."""
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

    The retrained models are the references. They never saw a forgotten image; the retained training images they have all
    seen, so ``rmia_retain`` is no attack as published: it is read beside the retrained models' value alone.
    """
    population = torch.stack([other["test_retain"] for other in references])
    figures = {}
    for name, members, others in (("rmia_forget", "forget", "test_forget"), ("rmia_retain", "retain", "test_retain")):
        found = [
            rmia(own[split], torch.stack([other[split] for other in references]), own["test_retain"], population)
            for split in (members, others)
        ]
        figures[name] = auc(*(result.likelihoods for result in found))  # the scores without their ties
    return figures


def margins(model: Model, forgotten: Sequence[int], kind: str) -> Tensor:
    """The statistic (N,) of one U-LIRA attack on the forgotten classes.

    Args:
        model: Its scores.
        forgotten: Indices of the forgotten classes.
        kind: ``own``: margin of the image's own label, of training images. ``retained``: margin of the likeliest retained class
            among the retained ones. ``features``: silhouette values of test images in feature space.
    """
    if kind == "features":
        labels = torch.cat([model["test_retain"].labels, model["test_forget"].labels])
        return separation_margin(test_features(model), labels, forgotten).double()
    scores = model["forget"]
    if kind == "own":
        return logit_margin(scores.logits, scores.labels).clamp(-SATURATED, SATURATED)
    kept = scores.logits.index_fill(1, torch.tensor(list(forgotten)), -torch.inf)
    return logit_margin(scores.logits, kept.argmax(1), excluding=forgotten).clamp(-SATURATED, SATURATED)


def attack_models(unlearned: Sequence[Model], retrained: Sequence[Model], forgotten: Sequence[int]) -> dict[str, Figures]:
    """U-LIRA between unlearned and retrained models, leave-one-out, by statistic."""
    found = {}
    for kind in ("own", "retained", "features") if _several_retained(retrained[0], forgotten) else ("own", "features"):
        sides = [torch.stack([margins(model, forgotten, kind) for model in models]) for models in (unlearned, retrained)]
        example, pooled = u_lira(*sides), u_lira(*sides, protocol="class")
        found[kind] = {
            "accuracy": example.accuracy,
            "auc": example.auc,
            "standard_error": example.standard_error,
            "class_accuracy": pooled.accuracy,
            "class_standard_error": pooled.standard_error,
        }
    return found


def audit(
    comparison: Any,
    requests: Sequence[str],
    methods: Sequence[str],
    scorings: Mapping[str, Sequence[Job]],
    edits: Mapping[tuple[str, str], Sequence[Job]],
) -> dict[str, Any]:
    """All figures of a comparison.

    Args:
        comparison: Its options.
        requests: What was forgotten.
        methods: What was run.
        scorings: Of originals and retrained models, by request.
        edits: Runs by method and request.

    Returns:
        ``models``: one record a model; ``attacks``: one record a method and request; versions and hardware.
    """
    from joblib import Parallel, delayed

    options = comparison.options
    tasks = [
        delayed(_audit_request)(
            request,
            [job for job in scorings[request] if "-original-s" in job.folder.name and job.finished()],
            [job for job in scorings[request] if "-retrained-" in job.folder.name and job.finished()],
            {name: [job for job in edits[name, request] if job.finished()] for name in methods},
            {name: comparison.teachers(name, request) for name in methods},
        )
        for request in requests
    ]
    parts = Parallel(n_jobs=options.processes)(tasks)
    machine = next(job.report() for jobs in scorings.values() for job in jobs if job.finished())
    return {
        "data": options.data,
        "class_names": comparison.sizes.class_names,
        "retrained_models": options.retrained,
        "originals": options.seeds,
        "processes": options.processes,
        "pool_seconds": comparison.pool_seconds(requests),
        "versions": machine["versions"],
        "hardware": machine["hardware"],
        "budget": options.budget,
        "retraining_images": {request: comparison.retraining_images(request) for request in requests},
        "models": [record for models, _ in parts for record in models],
        "attacks": [record for _, attacks in parts for record in attacks],
    }


def _audit_request(
    request: str,
    originals: Sequence[Job],
    retrained: Sequence[Job],
    edits: Mapping[str, Sequence[Job]],
    teachers: Mapping[str, Sequence[Job]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records of one request; it needs two retrained models."""
    torch.set_num_threads(1)
    if len(retrained) < 2 or not originals:
        print(f"{request}: {len(retrained)} retrained models and {len(originals)} originals: nothing to audit", file=sys.stderr)
        return [], []
    first, others = {seed_of(job): read(job) for job in originals}, [read(job) for job in retrained]
    forgotten = forgotten_classes(retrained[0])
    models, attacks = [], []

    def record(name: str, job: Job, model: Model, references: Sequence[Model], sources: Mapping[int, Model]) -> None:
        report, seed = job.report(), seed_of(job)
        figures = {**report["figures"], **audit_model(model, references, sources, forgotten)}
        paid = [report, *(other.report() for other in teachers.get(name, []) if seed_of(other) == seed)]
        cost = {key: sum(part[key] for part in paid) for key in ("seconds", "images_read", "images_backward")}
        models.append({"method": name, "forget": request.split("+"), "seed": seed, **cost, "figures": rounded(figures)})

    for job in originals:
        record("original", job, first[seed_of(job)], others, {seed_of(job): first[seed_of(job)]})
    for number, (job, model) in enumerate(zip(retrained, others, strict=True)):
        record("retrained", job, model, [other for n, other in enumerate(others) if n != number], first)
    groups = {"original": list(first.values())}
    for name, jobs in edits.items():
        groups[name] = [read(job) for job in jobs]
        for job, model in zip(jobs, groups[name], strict=True):
            record(name, job, model, others, {seed_of(job): first[seed_of(job)]})
    for name, group in groups.items():
        if min(len(group), len(others)) >= SHADOWS:
            attacks.append(
                {"method": name, "forget": request.split("+"), "u_lira": _rounded_all(attack_models(group, others, forgotten))}
            )
    if len(others) >= 2 * SHADOWS:  # the null: retrained models against retrained models
        half = len(others) // 2
        null = attack_models(others[:half], others[half:], forgotten)
        attacks.append({"method": "retrained", "forget": request.split("+"), "u_lira": _rounded_all(null)})
    return models, attacks


def seed_of(job: Job) -> int:
    """Number of the original, or of the retrained model, in a folder's name."""
    return int(job.folder.name.rpartition("-s")[2])


def rounded(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Five digits; None for NaN."""
    return {name: None if math.isnan(value) else round(float(value), 5) for name, value in figures.items()}


def _rounded_all(groups: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {name: rounded(figures) for name, figures in groups.items()}
