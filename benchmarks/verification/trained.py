"""Compares class methods that train: weights after steps of the package, and after the same steps on transcribed losses."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.verification import losses
from benchmarks.verification.rows import Row, weights_apart
from benchmarks.verification.subject import CLASSES, FORGOTTEN, Recorded, Run, run, sgd
from oro_unlearn import methods

STEPS = "weights after {} steps of SGD"
Loss = Callable[[nn.Module, Recorded], Tensor]


def steps(done: Run, loss: Loss, start: nn.Module | None = None, **options: Any) -> float:
    """How far the product's weights are from those after the same batches with a transcribed loss."""
    start = done.module.original if start is None else start
    ours = [lambda network, batch=batch: loss(network, batch) for batch in done.batches]
    optimizer = options.pop("optimizer", sgd)
    return weights_apart(done.module.network, losses.descend(start, ours, optimizer, **options), start)


def ce(network: nn.Module, batch: Recorded, split: str = "retain") -> Tensor:
    """Cross-entropy of a split's batch with its labels."""
    return losses.cross_entropy(network, batch[split][:2])


def training() -> list[Row]:
    """From random weights."""
    smooth = run(methods.Training, label_smoothing=0.2, batchnorm="train")
    again = run(methods.Retraining, batchnorm="train")
    return [
        Row(
            "Training",
            "Training, label smoothing 0.2",
            "Szegedy et al., CVPR 2016",
            STEPS.format(3),
            steps(
                smooth,
                lambda n, b: losses.smoothed_cross_entropy(n, b["train"][:2], 0.2),
                smooth.start,
                statistics=True,
            ),
        ),
        Row(
            "Retraining",
            "Retraining",
            "cross-entropy on the retain set",
            STEPS.format(3),
            steps(again, ce, again.start, statistics=True),
        ),
    ]


def fine_tuning() -> list[Row]:
    """On the retain set alone: all layers, with a penalty, or the last ones."""
    code = "OPTML-Group/Unlearn-Saliency, unlearn/FT.py"
    plain = run(methods.FineTune, batchnorm="train")
    last = {kind: run(kind) for kind in (methods.CFk, methods.EUk)}
    rows = [
        Row(
            "FineTune",
            "FineTune",
            f"Golatkar et al., CVPR 2020; {code}",
            f"{STEPS.format(3)}, statistics of batch normalisation",
            steps(plain, ce, statistics=True),
        ),
    ]
    for kind, paper in ((methods.CFk, "the original's"), (methods.EUk, "fresh")):
        done = last[kind]
        layers = tuple(f"{layer}." for layer in done.module.layers)
        rows.append(
            Row(
                kind.__name__,
                "CF-k" if kind is methods.CFk else "EU-k",
                "Goel et al. 2022; shash42/Evaluating-Inexact-Unlearning, src/methods.py",
                f"{STEPS.format(3)} of the last stage and the head, from {paper} weights; all else as it was",
                steps(done, ce, done.start, layers=layers),
            )
        )
    return [*rows, *l1_sparse(code)]


def l1_sparse(code: str) -> list[Row]:
    """The penalty falls from epoch to epoch; without it in the last."""
    alpha, epochs, without = 0.02, 3, 1
    done = run(methods.L1Sparse, updates=1, epochs=epochs, alpha=alpha, no_l1_epochs=without)
    weights = [losses.l1_weight(alpha, epoch, epochs, without) for epoch in range(epochs)]
    numbered = {id(batch): number for number, batch in enumerate(done.batches)}

    def penalised(network: nn.Module, batch: Recorded) -> Tensor:
        return ce(network, batch) + weights[numbered[id(batch)]] * losses.l1_norm(network)

    shrunk = run(methods.L1Sparse, updates=1, epochs=epochs, alpha=alpha, no_l1_epochs=without, proximal=True)

    def soft_threshold(network: nn.Module, optimizer: Optimizer, number: int) -> None:
        with torch.no_grad():
            for value in network.parameters():
                value.copy_(value.sign() * (value.abs() - optimizer.param_groups[0]["lr"] * weights[number]).clamp(min=0))

    return [
        Row(
            "L1Sparse",
            "L1Sparse",
            f"Jia et al., NeurIPS 2023; {code}",
            f"{STEPS.format(3)}, in three epochs",
            steps(done, penalised),
        ),
        Row(
            "L1Sparse",
            "L1Sparse, proximal",
            "soft thresholding (Daubechies et al. 2004)",
            f"{STEPS.format(3)}, in three epochs",
            steps(shrunk, ce, after=soft_threshold),
        ),
    ]


def ascent() -> list[Row]:
    """Away from the labels of the forget set."""
    plain = run(methods.GradientAscent, stop_accuracy=-1)
    bounded = run(methods.GradientAscent, stop_accuracy=-1, bounded=True)
    both = run(methods.NegGradPlus, retain_weight=0.7)
    return [
        Row(
            "GradientAscent",
            "GradientAscent",
            "Thudi et al., EuroS&P 2022; OPTML-Group/Unlearn-Saliency, unlearn/GA.py",
            STEPS.format(3),
            steps(plain, lambda n, b: -ce(n, b, "forget")),
        ),
        Row(
            "GradientAscent",
            "GradientAscent, bounded",
            "ours: minus the mean of min(CE, log K)",
            STEPS.format(3),
            steps(bounded, lambda n, b: losses.bounded_ascent(n, b["forget"][:2])),
        ),
        Row(
            "NegGradPlus",
            "NegGrad+",
            "Kurmanji et al., NeurIPS 2023",
            STEPS.format(3),
            steps(both, lambda n, b: 0.7 * ce(n, b) - 0.3 * ce(n, b, "forget")),
        ),
    ]


def wrong_labels() -> list[Row]:
    """Random labels, for all weights and for the salient ones."""
    code = "OPTML-Group/Unlearn-Saliency, unlearn/RL.py"
    done = run(methods.RandomLabels, seed=0)
    drawn = done.module._drawn
    kept = torch.tensor([label for label in range(CLASSES) if label not in FORGOTTEN])
    assert torch.isin(drawn[done.batches[0]["forget"][2]], kept).all(), "labels are drawn from the retained classes"

    def mixed(network: nn.Module, batch: Recorded) -> Tensor:
        images, _, index = batch["forget"]
        return losses.cross_entropy(network, (images, drawn[index])) + ce(network, batch)

    return [
        Row(
            "RandomLabels",
            "RandomLabels",
            f"Golatkar et al., CVPR 2020; {code}",
            f"{STEPS.format(3)}, with the labels that were drawn (of retained classes)",
            steps(done, mixed),
        ),
    ]


def scrub() -> Row:
    """Five phases of one step: forget, retain, forget, retain, retain."""
    done = run(methods.SCRUB, updates=1, epochs=5, max_steps=2, temperature=2.0, divergence_weight=0.5, label_weight=0.9)
    phases = [next(iter(batch)) for batch in done.batches]
    assert phases == ["forget", "retain", "forget", "retain", "retain"], phases

    def loss(network: nn.Module, batch: Recorded) -> Tensor:
        images, labels, _ = next(iter(batch.values()))
        with torch.no_grad():
            teacher = done.module.original(images)
        distance = losses.softened_divergence(network(images), teacher, 2.0)
        return -distance if "forget" in batch else 0.9 * losses.cross_entropy(network, (images, labels)) + 0.5 * distance

    return Row(
        "SCRUB",
        "SCRUB",
        "Kurmanji et al., NeurIPS 2023; meghdadk/SCRUB, helper/KD.py and loops.py",
        f"{STEPS.format(5)}, two of them on the forget set",
        steps(done, loss),
    )


def bad_teacher() -> Row:
    """The product sums the two sets' means; the code takes one mean over all samples and, by default, over classes too."""
    done = run(methods.BadTeacher, temperature=2.0, seed=0, retain_share=1.0)

    def loss(network: nn.Module, batch: Recorded) -> Tensor:
        images = torch.cat([batch["forget"][0], batch["retain_share"][0]])
        forgotten = torch.tensor([1] * len(batch["forget"][0]) + [0] * len(batch["retain_share"][0]))
        with torch.no_grad():
            teachers = [done.module.bad_teacher(images), done.module.original(images)]
        return 2 * CLASSES * losses.two_teachers(network(images), teachers, forgotten, 2.0)

    return Row(
        "BadTeacher",
        "BadTeacher",
        "Chundawat et al., AAAI 2023; vikram2000b/bad-teaching-unlearning, unlearn.py",
        f"{STEPS.format(3)}; without the code's factor 1 / 2K, which its optimizer, Adam, does not see",
        steps(done, loss),
    )


def rows() -> list[Row]:
    """All of them."""
    return [*training(), *fine_tuning(), *ascent(), *wrong_labels(), scrub(), bad_teacher()]
