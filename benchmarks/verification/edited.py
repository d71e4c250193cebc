"""Compares class methods that edit in closed form, or that compute something before they train."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmarks.verification import closed_forms, losses
from benchmarks.verification.rows import Row, apart, weights_apart
from benchmarks.verification.subject import CLASSES, FORGOTTEN, Recorded, Run, SmallImages, run, sgd
from benchmarks.verification.trained import STEPS, ce, steps
from oro_unlearn import methods


def normalise(pixels: Tensor) -> Tensor:
    """As the data are."""
    return (pixels - SmallImages.mean[0]) / SmallImages.std[0]


def read_before(done: Run) -> tuple[Tensor, Tensor, Tensor]:
    """Images, labels and positions of all that was read before training."""
    images, labels, index = (torch.cat(parts) for parts in zip(*done.passes, strict=True))
    return images, labels, index


def weights(network: nn.Module) -> list[Tensor]:
    """Of every parameter."""
    return [value.detach() for value in network.parameters()]


def logit_mask() -> Row:
    """The masked softmax is q* for every image."""
    done = run(methods.LogitMask, epochs=0)
    images = torch.rand(20, 1, 8, 8)
    with torch.no_grad():
        found = done.module.network(images).softmax(1)
        expected = losses.reweighted(done.module.original(images).softmax(1), FORGOTTEN)
    return Row(
        "LogitMask",
        "LogitMask",
        "RWFT (arXiv 2506.20893), eq. 3",
        "probabilities of the edited network",
        apart(found, expected),
    )


def ssd() -> Row:
    """Importances of batches as they were read."""
    done = run(methods.SSD, epochs=0, alpha=1.2, dampening=0.7, importance_file="off")
    batches = [part[:2] for part in done.passes]
    everything = -(-len(SmallImages().load()[0]) // 8)
    of_all, of_forgotten = (
        closed_forms.importances(done.module.original, part) for part in (batches[:everything], batches[everything:])
    )
    expected = closed_forms.dampened(weights(done.module.original), of_all, of_forgotten, 1.2, 0.7)
    return Row(
        "SSD",
        "SSD",
        "Foster et al., AAAI 2024; if-loops/selective-synaptic-dampening, ssd.py",
        "edited weights; importances by batches",
        apart(weights(done.module.network), expected),
    )


def svd() -> Row:
    """Every layer's weights, from singular vectors of its inputs."""
    done = run(methods.SVDUnlearning, epochs=0, samples=1000, alpha_retain=[30.0], alpha_forget=[3.0])
    images, labels, _ = read_before(done)
    gone = torch.isin(labels, torch.tensor(FORGOTTEN))
    original = done.module.original
    retain, forget = (closed_forms.layer_inputs(original, images[rows]) for rows in (~gone, gone))
    differences = []
    for name in retain:
        rows = original.get_submodule(name).weight.detach().flatten(1).numpy()
        expected = torch.from_numpy(closed_forms.projected(rows, retain[name], forget[name], (30.0, 3.0)))
        differences.append(apart(done.module.network.get_submodule(name).weight.flatten(1), expected))
    return Row(
        "SVDUnlearning",
        "SVD",
        "Kodge et al., TMLR 2024; sangamesh-kodge/class_forgetting",
        "edited weights of every layer, from the singular vectors of its inputs",
        max(differences),
    )


def closed_form_class() -> Row:
    """The last two layers' weights, from their inputs."""
    done = run(methods.ClosedFormClass, epochs=0, keep=2.0, ridge=0.01)
    images, labels, _ = read_before(done)
    gone = torch.isin(labels, torch.tensor(FORGOTTEN))
    original = done.module.original
    with torch.no_grad():
        nearest = original(images[gone]).index_fill(1, torch.tensor(FORGOTTEN), -math.inf).argmax(1).numpy()
    retain, forget = (closed_forms.layer_inputs(original, images[rows]) for rows in (~gone, gone))
    differences = []
    for name in list(retain)[-2:]:
        rows, kept = original.get_submodule(name).weight.detach().flatten(1).numpy(), (retain[name], labels[~gone].numpy())
        expected = closed_forms.mapped(rows, kept, (forget[name], nearest), 2.0, 0.01)
        differences.append(apart(done.module.network.get_submodule(name).weight.flatten(1), torch.from_numpy(expected)))
    return Row(
        "ClosedFormClass",
        "ClosedFormClass",
        "ours: least squares from forgotten inputs to the nearest retained class's mean",
        "edited weights of the last two layers, from their inputs",
        max(differences),
    )


def sal_un() -> list[Row]:
    """The mask, and steps under it with random labels."""
    done = run(methods.SalUn, density=0.3, seed=0)
    original = done.module.original
    images, labels, _ = read_before(done)
    mask, drawn = closed_forms.saliency(original, (images, labels), 0.3), done.module._drawn
    start = weights(original)

    def masked(network: nn.Module) -> None:
        for value, part in zip(network.parameters(), mask, strict=True):
            value.grad = value.grad * part

    def restored(network: nn.Module, optimizer: Optimizer, number: int) -> None:
        with torch.no_grad():
            for value, part, old in zip(network.parameters(), mask, start, strict=True):
                value.copy_(part * value + (1 - part) * old)
                optimizer.state[value]["momentum_buffer"].mul_(part)

    def loss(network: nn.Module, batch: Recorded) -> Tensor:
        pictures, _, index = batch["forget"]
        return losses.cross_entropy(network, (pictures, drawn[index])) + ce(network, batch)

    paper = "Fan et al., ICLR 2024"
    return [
        Row(
            "SalUn",
            "SalUn, mask",
            f"{paper}; OPTML-Group/Unlearn-Saliency, generate_mask.py",
            "coordinates that are edited; the gradient is the original's for every batch",
            apart([part.double() for part in done.module._mask], mask),
        ),
        Row(
            "SalUn",
            "SalUn",
            f"{paper}; OPTML-Group/Unlearn-Saliency, unlearn/RL.py",
            STEPS.format(3),
            steps(done, loss, before=masked, after=restored),
        ),
    ]


def boundary_shrink() -> list[Row]:
    """Labels across the boundary, and steps on them."""
    bound = 12 / 255
    done = run(methods.BoundaryShrink, bound=bound)
    images, labels, index = read_before(done)
    pixels = images.double() * SmallImages.std[0] + SmallImages.mean[0]
    crossed = closed_forms.across(done.module.original, pixels, labels, normalise, bound)
    found = torch.cat([done.module.attacked(methods.Batch(*part)) for part in done.passes])
    with torch.no_grad():
        said = done.module.original(normalise(crossed))
    said[:, FORGOTTEN] = -torch.inf
    nearest = dict(zip(index.tolist(), said.argmax(1).tolist(), strict=True))

    def shrinking(network: nn.Module, batch: Recorded) -> Tensor:
        pictures, _, rows = batch["forget"]
        return losses.cross_entropy(network, (pictures, torch.tensor([nearest[row] for row in rows.tolist()])))

    paper = "Chen et al., CVPR 2023; TY-LEE-KR/Boundary-Unlearning-Code, "
    return [
        Row(
            "BoundaryShrink",
            "Boundary Shrink, step",
            f"{paper}adv_generator.py",
            "pixels after the step",
            apart(found, crossed),
        ),
        Row(
            "BoundaryShrink",
            "Boundary Shrink",
            f"{paper}boundary_unlearning.py",
            f"{STEPS.format(3)}; of the classes across, the likeliest that is retained",
            steps(done, shrinking),
        ),
    ]


def boundary_expand() -> Row:
    """A row more, and without it again."""
    done = run(methods.BoundaryExpand)
    original = done.module.original
    start = losses.Widened(original, done.state["extra.weight"], done.state["extra.bias"])
    shadow = [(batch["forget"][0], torch.full_like(batch["forget"][1], CLASSES)) for batch in done.batches]
    ours: Any = losses.descend(start, [lambda n, data=data: losses.cross_entropy(n, data) for data in shadow], sgd)
    return Row(
        "BoundaryExpand",
        "Boundary Expand",
        "Chen et al., CVPR 2023; TY-LEE-KR/Boundary-Unlearning-Code, boundary_unlearning.py",
        f"{STEPS.format(3)}, after the added row is taken away",
        weights_apart(done.module.network, ours.pruned(), original),
    )


def amun() -> list[Row]:
    """The search for the nearest example, and steps on what it has found."""
    radius, inner = 0.4, 12
    done = run(methods.AMUN, forget=[2], radius=radius, rounds=1, steps=inner)
    images, labels, index = read_before(done)
    pixels = (images.double() * SmallImages.std[0] + SmallImages.mean[0]).clamp(0, 1)
    original = done.module.original
    shorter, whole = (
        closed_forms.steps_in_the_ball(original, pixels, labels, normalise, radius, number) for number in (inner - 1, inner)
    )
    with torch.no_grad():
        held = original(normalise(shorter)).argmax(1) == labels  # or not moved at all: there every search is the same
    unmoved = (whole == pixels).flatten(1).all(1)
    rows = done.module.rows[index]
    expected = torch.round(whole * 255)
    found, same = done.module.examples[rows].double(), held | unmoved
    assert (held & ~unmoved).any(), "some images take every step"

    def learning(network: nn.Module, batch: Recorded) -> Tensor:
        pictures, own, positions = batch["forget"]
        chosen = done.module.rows[positions]
        terms = {
            "adversarial": losses.cross_entropy(
                network, (normalise(done.module.examples[chosen].double() / 255), done.module.wrong[chosen])
            ),
            "forget": losses.cross_entropy(network, (pictures, own)),
            "retain": ce(network, batch),
        }
        return torch.stack([terms[name] for name in done.module.last_losses]).sum()

    paper = "Ebrahimpour-Boroojeny et al., ICML 2025; Ali-E/AMUN, "
    return [
        Row(
            "AMUN",
            "AMUN, search",
            f"{paper}pgdl2_modified_better.py",
            "bytes of the examples in one ball, where no boundary is crossed on the way",
            apart(found[same], expected[same]),
        ),
        Row("AMUN", "AMUN", f"{paper}adversarial_unlearn.py", STEPS.format(3), steps(done, learning)),
    ]


def unsir() -> list[Row]:
    """The noise, then steps with it and without it."""
    options = {"forget": [1], "noise_images": 1, "noise_copies": 8, "noise_lr": 0.1, "noise_penalty": 0.05, "seed": 0}
    first = run(methods.UNSIR, epochs=0, noise_steps=0, **options).module.noise
    done = run(methods.UNSIR, updates=2, epochs=2, noise_steps=20, **options)
    noise = closed_forms.error_maximising(done.module.original, first.double(), 1, 20, 0.1, 0.05)
    numbered = {id(batch): number for number, batch in enumerate(done.batches)}

    def loss(network: nn.Module, batch: Recorded) -> Tensor:
        images, labels, _ = batch["retain_subset"]
        if numbered[id(batch)] < 2:
            images, labels = torch.cat([images, done.module.noise]), torch.cat([labels, torch.tensor([1])])
        return losses.cross_entropy(network, (images, labels))

    paper = "Tarun et al., IEEE TNNLS 2023; vikram2000b/Fast-Machine-Unlearning, Machine Unlearning.ipynb"
    return [
        Row(
            "UNSIR",
            "UNSIR, noise",
            paper,
            "noise after 20 steps of Adam, written out",
            apart(done.module.noise - first, noise - first),
        ),
        Row(
            "UNSIR",
            "UNSIR",
            paper,
            "weights after 2 steps that impair and 2 that repair",
            steps(done, loss),
        ),
    ]


def graded_reset() -> list[Row]:
    """Ours: weights between the original's and fresh ones, which an exponent of 0 shows; then a cosine."""
    fresh = run(methods.GradedReset, exponent=0.0, epochs=0).module.network
    done = run(methods.GradedReset, exponent=2.0)
    expected = closed_forms.moved_by_depth(done.module.original, fresh, 2.0)
    found = dict(done.start.named_parameters())

    def cosine(network: nn.Module, optimizer: Optimizer, number: int) -> None:
        optimizer.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * (number + 1) / len(done.batches))) / 2

    return [
        Row(
            "GradedReset",
            "GradedReset, reset",
            "ours: (1 - d^e) original + d^e fresh",
            "weights before training, float32",
            apart([found[name] for name in expected], list(expected.values())),
        ),
        Row(
            "GradedReset",
            "GradedReset",
            "ours: cross-entropy on the retain set, the rate along a cosine",
            STEPS.format(3),
            steps(done, ce, done.start, after=cosine),
        ),
    ]


def rows() -> list[Row]:
    """All of them."""
    return [
        logit_mask(),
        ssd(),
        svd(),
        closed_form_class(),
        *sal_un(),
        *boundary_shrink(),
        boundary_expand(),
        *amun(),
        *unsir(),
        *graded_reset(),
    ]
