"""Compares all forms of RWFT with the equations of its paper, and with DELETE, which was published earlier."""

import torch
from torch import Tensor, nn

from benchmarks.verification import closed_forms, losses
from benchmarks.verification.rows import Row, apart
from benchmarks.verification.subject import FORGOTTEN, Recorded, Run, run, sgd
from benchmarks.verification.trained import STEPS, ce, steps
from oro_unlearn.methods import RWFT

PAPER = "RWFT (arXiv 2506.20893), eqs. 3 and 4"


def probabilities(done: Run, images: Tensor) -> Tensor:
    """The original's, (B, K)."""
    with torch.no_grad():
        return done.module.original(images).softmax(1)


def on_targets(done: Run, network: nn.Module, batch: Recorded, split: str = "forget") -> Tensor:
    """Cross-entropy of a split's images to q*."""
    images = batch[split][0]
    return losses.soft_cross_entropy(network, images, losses.reweighted(probabilities(done, images), FORGOTTEN))


def forms_of_retain() -> list[Row]:
    """RWFT-O with labels on the retain set, with q* on it, and without it."""
    done = {retain: run(RWFT, retain=retain) for retain in ("ce", "distill", "none")}
    distill, alone = done["distill"], done["none"]
    return [
        Row(
            "RWFT",
            "RWFT-O, retain ce",
            f"{PAPER}; our cross-entropy on the retain set",
            STEPS.format(3),
            steps(done["ce"], lambda n, b: on_targets(done["ce"], n, b) + ce(n, b)),
        ),
        Row(
            "RWFT",
            "RWFT-O, retain distill",
            f"{PAPER}; eq. 2 on the retain set",
            STEPS.format(3),
            steps(distill, lambda n, b: on_targets(distill, n, b) + on_targets(distill, n, b, "retain")),
        ),
        Row(
            "RWFT",
            "RWFT-O, as in the text",
            f"{PAPER}, sections 4.1 and 4.2",
            STEPS.format(3),
            steps(alone, lambda n, b: on_targets(alone, n, b)),
        ),
    ]


def delete() -> Row:
    """One class: DELETE masks the own label alone."""
    done = run(RWFT, retain="none", forget=[2])

    def loss(network: nn.Module, batch: Recorded) -> Tensor:
        images, labels, _ = batch["forget"]
        with torch.no_grad():
            target = losses.own_label_masked(done.module.original(images), labels)
        return losses.divergence(target, network(images).log_softmax(1)).mean()

    return Row(
        "RWFT",
        "DELETE (RWFT, retain none)",
        "Zhou et al., CVPR 2025; shaaaaron/DELETE, method/delete.py",
        f"{STEPS.format(3)}, of one forgotten class",
        steps(done, loss),
    )


def targets() -> list[Row]:
    """The largest retained class, and the tilt."""
    largest = run(RWFT, target="max", retain="none")
    tilt = run(RWFT, target="tilt", retain="none", tilt=3.0, tilt_dimensions=2, tilt_temperature=0.2)
    similarity = closed_forms.similarity(tilt.module.original.fc.weight.detach(), FORGOTTEN, 2, 0.2)

    def to_largest(network: nn.Module, batch: Recorded) -> Tensor:
        images = batch["forget"][0]
        return losses.soft_cross_entropy(network, images, losses.moved_to_largest(probabilities(largest, images), FORGOTTEN))

    def to_tilted(network: nn.Module, batch: Recorded) -> Tensor:
        images, labels, _ = batch["forget"]
        target = losses.tilted(probabilities(tilt, images), labels, similarity, 3.0, FORGOTTEN)
        return losses.soft_cross_entropy(network, images, target)

    return [
        Row(
            "RWFT",
            "RWFT-O, target max",
            "RWFT (arXiv 2506.20893): the forgotten mass goes to one class",
            STEPS.format(3),
            steps(largest, to_largest),
        ),
        Row(
            "RWFT",
            "TREW (RWFT, target tilt)",
            "TREW (ICML 2026), by its abstract: the tilt by similarity of the head's rows",
            f"{STEPS.format(3)}; similarity in two principal directions",
            steps(tilt, to_tilted),
        ),
    ]


def parts() -> list[Row]:
    """One stage and the head; and two adapters, before and after they are folded into the network."""
    two = run(RWFT, update=["layer3", "head"])
    adapted = run(RWFT, update="adapters", adapter_layer="layer3", retain="none")
    start = closed_forms.Adapted(adapted.module.original)
    ours = losses.descend(
        start, [lambda n, b=batch: on_targets(adapted, n, b) for batch in adapted.batches], sgd, layers=("inner", "outer")
    )
    images = torch.cat([batch["forget"][0] for batch in adapted.batches])
    with torch.no_grad():
        before, found, expected = (model(images) for model in (start, adapted.module.network, ours))
        exported = adapted.module.export()(images)
    return [
        Row(
            "RWFT",
            "RWFT-2-O",
            f"{PAPER}, section 4.2: one stage and the head",
            f"{STEPS.format(3)}; all else as it was",
            steps(two, lambda n, b: on_targets(two, n, b) + ce(n, b), layers=("layer3.", "fc.")),
        ),
        Row(
            "RWFT",
            "RW-A",
            f"{PAPER}, section 4.2: x + Cx before a stage, A(Wx + b) + a behind the head",
            f"change of the logits by {STEPS.format(3).removeprefix('weights after ')}",
            apart(found - before, expected - before),
        ),
        Row(
            "RWFT",
            "RW-A, folded",
            "the same two maps, unfolded",
            "logits of the exported network, float32",
            apart(exported, expected),
        ),
    ]


def rows() -> list[Row]:
    """All of them."""
    return [*forms_of_retain(), delete(), *targets(), *parts()]
