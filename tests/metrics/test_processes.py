"""Every metric in two processes gives what one process gives: uneven batches, and a process without any sample."""

import math
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from torch import multiprocessing
from torchmetrics import Metric, MetricCollection

import oro_unlearn.metrics
from oro_unlearn.metrics import (
    AnswerProbability,
    ChoiceAccuracy,
    ConfidenceHistogram,
    CosineDrift,
    ExactMatch,
    ExplanationFidelity,
    ExplanationSparsity,
    ForgetRetainAccuracy,
    KeywordAccuracy,
    MembershipInference,
    NearestClassMIA,
    RougeScores,
    TruthRatio,
    UnlearningTotalVariation,
)

SAMPLES = 41  # odd, so that two processes never get the same number


def logits_and_labels(generator):
    return torch.randn(SAMPLES, 5, generator=generator), torch.randint(0, 5, (SAMPLES,), generator=generator)


def two_distributions(generator):
    return tuple(torch.randn(SAMPLES, 5, generator=generator).softmax(1) for _ in range(2))


def confidences_and_groups(generator):
    groups = torch.arange(SAMPLES) % 3
    return (torch.rand(SAMPLES, generator=generator) + (groups == 1)).clamp(max=1), groups


def logits_labels_and_groups(generator):
    return *logits_and_labels(generator), torch.arange(SAMPLES) % 4


def two_cosines(generator):
    return tuple(2 * torch.rand(SAMPLES, generator=generator) - 1 for _ in range(2))


class ByRow(ExplanationSparsity):
    """The mask of one explanation in each row."""

    def update(self, mask):
        for row in mask:
            super().update(row)


def three_predictions(generator):
    return tuple(torch.randint(0, 3, (SAMPLES,), generator=generator) for _ in range(3))


def masks(generator):
    return (torch.rand(SAMPLES, 6, generator=generator),)


def two_texts(generator):
    """Sentences of three words from a few, and one word of each as reference or keyword, some of them empty."""
    words = np.array(["", "Oslo", "baker", "red", "lives"], dtype=object)
    chosen = words[torch.randint(0, 5, (4, SAMPLES), generator=generator).numpy()]
    return chosen[0] + " " + chosen[1] + " " + chosen[2], chosen[3]


def scores_and_places(generator):
    return torch.randint(-3, 0, (SAMPLES, 4), generator=generator).float(), torch.randint(0, 4, (SAMPLES,), generator=generator)


def log_probs_of_answers(generator):
    return -torch.rand(SAMPLES, generator=generator), -torch.rand(SAMPLES, 3, generator=generator)


CASES = {
    "answer probability": (AnswerProbability, lambda generator: log_probs_of_answers(generator)[:1]),
    "choice accuracy": (ChoiceAccuracy, scores_and_places),
    "explanation fidelity": (ExplanationFidelity, three_predictions),
    "explanation sparsity": (ByRow, masks),
    "confidence histogram": (ConfidenceHistogram, logits_labels_and_groups),
    "cosine drift": (CosineDrift, two_cosines),
    "exact match": (ExactMatch, two_texts),
    "keyword accuracy": (KeywordAccuracy, two_texts),
    "rouge": (RougeScores, two_texts),
    "truth ratio, forgotten": (lambda: TruthRatio("forget"), log_probs_of_answers),
    "truth ratio, others": (lambda: TruthRatio("retain"), log_probs_of_answers),
    "accuracy": (lambda: ForgetRetainAccuracy(5, [1, 3]), logits_and_labels),
    "total variation": (UnlearningTotalVariation, two_distributions),
    "conditional total variation": (lambda: UnlearningTotalVariation([2], conditional=True), two_distributions),
    **{
        f"{name} {attack}": ((lambda kind=kind, attack=attack: kind(attack=attack)), confidences_and_groups)
        for name, kind in (("membership", MembershipInference), ("nearest class", NearestClassMIA))
        for attack in ("svc", "svc_exact", "threshold")
    },
}
SHARES = {"uneven": (30, 11), "empty batch": (41, 0), "no update": (41, None)}


def rows(share: str, rank: int) -> slice | None:
    first, second = SHARES[share]
    if rank == 0:
        return slice(0, first)
    return None if second is None else slice(first, first + second)


def figures(metric: Metric) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = metric.compute()
    found = value if isinstance(value, dict) else {"value": value}
    return {f"{name}{n or ''}": float(v) for name, part in found.items() for n, v in enumerate(part.flatten())}


@cache
def alone(name: str) -> dict[str, float]:
    """Figures of one process."""
    make, data = CASES[name]
    metric = make()
    metric.update(*data(torch.Generator().manual_seed(0)))
    return figures(metric)


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)  # a forked process has no other threads
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found = {}
    for name, (make, data) in CASES.items():
        for share in SHARES:
            metric, samples = make(), data(torch.Generator().manual_seed(0))
            own = rows(share, rank)
            for batch in torch.arange(SAMPLES)[own].split(4) if own is not None else ():
                metric.update(*(part[batch.numpy()] for part in samples))  # texts are arrays of NumPy
            found[name, share] = figures(metric)
            if isinstance(metric, ForgetRetainAccuracy):
                found[name, share]["matrix"] = metric.confusion_matrix().sum().item()
    torch.save(found, f"{folder}/{rank}.pt")
    torch.distributed.barrier()  # or the first to leave can keep the other waiting (PyTorch 2.6)
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def distributed(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("processes"))
    multiprocessing.start_processes(work, (folder,), nprocs=2, start_method="fork")  # importing torch twice takes longest
    return [torch.load(f"{folder}/{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_every_metric_has_a_case():
    kinds = {getattr(oro_unlearn.metrics, name) for name in oro_unlearn.metrics.__all__}
    metrics = {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Metric)}
    made = {type(make()) for make, _ in CASES.values()}
    assert {kind.__base__ if kind is ByRow else kind for kind in made} == metrics


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("name", CASES)
def test_two_processes_agree_with_one(name, share, distributed):
    for found in distributed:
        for figure, value in alone(name).items():
            assert found[name, share][figure] == pytest.approx(value, abs=1e-9, nan_ok=True), figure
        assert found[name, share].get("matrix", SAMPLES) == SAMPLES


@pytest.mark.parametrize("name", CASES)
def test_metric_is_stateless_on_disk_and_resets(name):
    make, data = CASES[name]
    metric, samples = make(), data(torch.Generator().manual_seed(0))
    metric.update(*samples)
    first = figures(metric)
    assert metric.state_dict() == {}
    low, high = {CosineDrift: (-2, 2), ConfidenceHistogram: (0, SAMPLES)}.get(type(metric), (0, 1))
    assert all(low <= value <= high or math.isnan(value) for value in first.values())
    metric.reset()
    metric.update(*samples)
    assert figures(metric) == pytest.approx(first, nan_ok=True)
    other = make()
    other.update(*samples)
    metric.reset()
    metric.update(*(part[:0] for part in samples))
    metric.merge_state(other)
    assert figures(metric) == pytest.approx(first, nan_ok=True)


def test_a_first_batch_without_forgotten_samples_does_not_merge_metrics_in_a_collection():
    """torchmetrics merges metrics whose states are equal after the first batch."""
    collection = MetricCollection({str(label): ForgetRetainAccuracy(4, [label]) for label in (2, 3)})
    collection.update(torch.eye(4)[[0, 1]], torch.tensor([0, 1]))
    collection.update(torch.eye(4)[[2, 2]], torch.tensor([2, 3]))
    found = {name: float(value) for name, value in collection.compute().items()}
    alone = {}
    for label in (2, 3):
        metric = ForgetRetainAccuracy(4, [label])
        metric.update(torch.eye(4)[[0, 1, 2, 2]], torch.tensor([0, 1, 2, 3]))
        alone.update({f"{label}_{name}": float(value) for name, value in metric.compute().items()})
    assert sorted(found.values()) == sorted(alone.values())
