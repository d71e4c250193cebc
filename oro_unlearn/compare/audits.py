"""Compute the figures of every model from saved scores. Nothing is trained or run here."""

import sys
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from oro_unlearn.attacks import load_scores
from oro_unlearn.audit import Model, accuracies, attack_models, audit_model, floor, rounded, utv_of
from oro_unlearn.compare.jobs import Job, with_threads
from oro_unlearn.compare.options import Request

MOST_CLASSES = 30  # classes whose shares are kept
SHADOWS = 3  # least number of shadow models on each side, for leave-one-out


def distance(job: Job, references: Sequence[Job]) -> float:
    """How far an edit is from retrained models on held-out images: |ACC_r| + |ACC_f| + |UTV - floor|; lower is better.

    Args:
        job: The edit.
        references: Scorings of two or more retrained models.
    """
    labels = forgotten_classes(job)
    model, retrained = read(job), [read(reference) for reference in references]
    measured, expected = accuracies(model, labels), [accuracies(other, labels) for other in retrained]
    gaps = [abs(measured[name] - mean(figures[name] for figures in expected)) for name in ("acc_r", "acc_f")]
    utv = mean(utv_of(model, other, "test_forget") for other in retrained)
    return sum(gaps) + abs(utv - floor(retrained, "test_forget"))


def read(job: Job) -> Model:
    """Load the scores of a finished job."""
    return load_scores(job.folder / "scores.safetensors")


def forgotten_classes(job: Job) -> list[int]:
    """Class labels of the forget set."""
    return read(job)["forget"].labels.unique().tolist()


def audit(
    comparison: Any,
    requests: Sequence[Request],
    methods: Sequence[str],
    scorings: Mapping[Request, Sequence[Job]],
    edits: Mapping[tuple[str, Request], Sequence[Job]],
) -> dict[str, Any]:
    """All figures of a comparison.

    Args:
        comparison: The comparison, with its options.
        requests: The requests that were forgotten.
        methods: Names of the methods that were run.
        scorings: Scorings of originals and retrained models, by request.
        edits: Runs of the methods, by method and request.

    Returns:
        A mapping with ``models`` (one record per model), ``attacks`` (one record per method and request), versions and
        hardware.
    """
    from joblib import Parallel, delayed
    from rich.progress import track

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
    results = Parallel(n_jobs=options.processes, return_as="generator")(tasks)
    parts = list(track(results, "auditing requests", total=len(tasks), transient=True))
    machine = next(job.report() for jobs in scorings.values() for job in jobs if job.finished())
    return {
        "data": str(options.config),
        "class_names": comparison.sizes.class_names,
        "retrained_models": options.retrained,
        "originals": options.seeds,
        "processes": options.processes,
        "pool_seconds": comparison.pool_seconds(requests),
        "versions": machine["versions"],
        "hardware": machine["hardware"],
        "budget": options.budget,
        "retraining_images": {"+".join(request): comparison.retraining_images(request) for request in requests},
        "models": [record for models, _ in parts for record in models],
        "attacks": [record for _, attacks in parts for record in attacks],
    }


@with_threads(1)  # requests are audited side by side
def _audit_request(
    request: Request,
    originals: Sequence[Job],
    retrained: Sequence[Job],
    edits: Mapping[str, Sequence[Job]],
    teachers: Mapping[str, Sequence[Job]],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records of one request. At least two retrained models and one original are needed; otherwise there are none."""
    if len(retrained) < 2 or not originals:
        finished = f"{len(retrained)} finished retrained models and {len(originals)} finished originals"
        print(f"{', '.join(request)} cannot be audited: {finished}, but 2 and 1 are needed", file=sys.stderr)
        return [], []
    first, others = {seed_of(job): read(job) for job in originals}, [read(job) for job in retrained]
    forgotten = forgotten_classes(retrained[0])
    models, attacks = [], []

    def record(name: str, job: Job, model: Model, references: Sequence[Model], sources: Mapping[int, Model]) -> None:
        report, seed = job.report(), seed_of(job)
        figures = {**report["figures"], **audit_model(model, references, sources, forgotten)}
        paid = [report, *(other.report() for other in teachers.get(name, []) if seed_of(other) == seed)]
        cost = {key: sum(part[key] for part in paid) for key in ("seconds", "images_read", "images_backward")}
        about = {"method": name, "forget": list(request), "seed": seed, **cost}
        models.append({**about, "figures": rounded(figures), "redirection": redirected(model)})

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
                {"method": name, "forget": list(request), "u_lira": _rounded_all(attack_models(group, others, forgotten))}
            )
    if len(others) >= 2 * SHADOWS:  # the null hypothesis: retrained models against retrained models
        half = len(others) // 2
        null = attack_models(others[:half], others[half:], forgotten)
        attacks.append({"method": "retrained", "forget": list(request), "u_lira": _rounded_all(null)})
    return models, attacks


def redirected(model: Model) -> list[float]:
    """Share of the forgotten test images in each class (K,); empty for many classes, where nobody could read it."""
    logits = model["test_forget"].logits
    classes = logits.shape[1]
    if classes > MOST_CLASSES or not len(logits):
        return []
    return [round(count / len(logits), 4) for count in logits.argmax(1).bincount(minlength=classes).tolist()]


def seed_of(job: Job) -> int:
    """Seed of the original or retrained model, read from the folder's name."""
    return int(job.folder.name.rpartition("-s")[2])


def _rounded_all(groups: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {name: rounded(figures) for name, figures in groups.items()}
