"""Logits and features of a classifier on every split, and how fast it relearns: saved once for every audit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from oro_unlearn.attacks import Scores, collect_scores, linear_probe, relearning_curve, save_scores, silhouette
from oro_unlearn.user_error import UserError

SPLITS = ("retain", "forget", "test_retain", "test_forget")
MEMBERS = {"retain": 1000}  # images that a comparison scores, evenly spaced; of splits not named here it scores all
MOST = {"retain": 1000, "forget": 1000, "test_retain": 2000, "test_forget": 1000}  # images of an audit at most
LARGEST = 2**30  # bytes of these images as floats; if images are large, fewer are taken
RETAINED_TESTS = 300  # number of retained test images for relearning, beside the forgotten ones
Images = Mapping[str, tuple[Tensor, Tensor, Tensor]]  # by split: normalised images, labels, index


class Depth(NamedTuple):
    """How thoroughly relearning is measured."""

    steps: tuple[int, ...]  # numbers of steps after which the accuracy is measured
    seeds: int  # number of seeds for rows and batches, the same for every model


USUAL = Depth((10, 20), 2)
LEVELS: dict[str, Depth | None] = {"outputs": None, "features": USUAL, "all": Depth((10, 20, 50), 5)}


def score(data: Any, network: nn.Module, path: Path, attacked: bool) -> dict[str, float]:
    """Save logits and features of every split, probe the features, and measure relearning.

    Args:
        data: A data module with something to forget.
        network: Any classifier.
        path: The file to which scores are written.
        attacked: Whether to probe the features and measure relearning.

    Returns:
        Figures by name.

    Raises:
        UserError: If outputs are NaN or infinite.
    """
    images = {name: prepared(data, name, MEMBERS.get(name)) for name in SPLITS}
    scores = scored(network, data.num_classes, images)
    save_scores(scores, path)
    return attack_features(network, data.num_classes, data.forget_classes, images, scores) if attacked else {}


def scored(network: nn.Module, num_classes: int, images: Images) -> dict[str, Scores]:
    """Logits and features of a classifier on every split.

    Args:
        network: Any classifier.
        num_classes: Number of classes K.
        images: Images by split.

    Raises:
        UserError: If outputs are NaN or infinite; a mask's minus infinity is allowed.
    """
    scores = {name: collect_scores(network, num_classes, batches(*parts)) for name, parts in images.items()}
    if any(not (part.logits < torch.inf).all() for part in scores.values()):  # false for NaN
        raise UserError("the network's outputs are NaN or infinite: it diverged, so use another checkpoint")
    return scores


def audited_images(data: Any) -> Images:
    """The images of an audit, at most ``MOST`` of each split and ``LARGEST`` bytes in all.

    Args:
        data: A data module with something to forget.
    """
    one = prepared(data, "test_retain", 1)[0].numel() * 4
    share = min(1.0, LARGEST / (one * sum(MOST.values())))
    return {name: prepared(data, name, max(1, int(share * MOST[name]))) for name in SPLITS}


def attack_features(
    network: nn.Module,
    num_classes: int,
    forgotten: Sequence[int],
    images: Images,
    scores: Mapping[str, Scores],
    depth: Depth = USUAL,
    began: Callable[[str], object] = lambda _: None,
) -> dict[str, float]:
    """Run the attacks that need weights: linear probes, relearning, and the clustering of the forgotten classes.

    Args:
        network: Any classifier.
        num_classes: Number of classes K.
        forgotten: Indices of the forgotten classes.
        images: Images by split.
        scores: Scores of these images.
        depth: How thoroughly relearning is measured.
        began: Called with the name of each part before it begins.
    """
    began("probes")
    features, labels = _joined(scores, "retain", "forget")
    test_features, test_labels = _joined(scores, "test_retain", "test_forget")
    probes = {
        name: linear_probe(features, labels, test_features, test_labels, forgotten, shots=shots)
        for name, shots in (("probe_full", None), ("probe_5_shot", 5))
    }
    began("relearning")
    curve = relearned(network, num_classes, forgotten, images, depth)
    return {
        **{name: probe.recall for name, probe in probes.items()},
        **{f"relearn_{step}": value for step, value in curve.items()},
        "silhouette": sum(silhouette(test_features, test_labels, label) for label in forgotten) / len(forgotten),
    }


def _joined(scores: Mapping[str, Scores], *splits: str) -> tuple[Tensor, Tensor]:
    """Features (N, D) and labels (N,) of several splits."""
    return torch.cat([scores[name].features for name in splits]), torch.cat([scores[name].labels for name in splits])


def relearned(
    network: nn.Module, num_classes: int, forgotten: Sequence[int], images: Images, depth: Depth = USUAL
) -> dict[int, float]:
    """Balanced accuracy of the forgotten classes after a few steps, averaged over seeds."""
    sets = {name: parts[:2] for name, parts in images.items()}
    few = spaced(len(sets["test_retain"][1]), RETAINED_TESTS)
    tests = (sets["test_retain"][0][few], sets["test_retain"][1][few])
    given = (network, num_classes, forgotten, sets["forget"], sets["retain"], sets["test_forget"])
    curves = [relearning_curve(*given, steps=depth.steps, seed=seed, test_retain=tests) for seed in range(depth.seeds)]
    return {step: sum(curve[step] for curve in curves) / len(curves) for step in depth.steps}


def spaced(size: int, count: int) -> Tensor:
    """Evenly spaced rows of a set of ``size`` rows, at most ``count`` of them."""
    return torch.linspace(0, size - 1, min(size, count)).long()


def prepared(data: Any, name: str, most: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised images (N, C, H, W), labels (N,) and index (N,) of a split.

    Args:
        data: A data module.
        name: Name of the split.
        most: Largest number of images; they are evenly spaced.
    """
    split = data.split(name)
    if most is not None:
        split = split.subset(split.positions[spaced(len(split), most)])
    pixels, labels, index = (torch.cat(parts) for parts in zip(*data.loader(split), strict=True))
    return data.normalise(pixels.float() / 255), labels, index


def batches(images: Tensor, labels: Tensor, index: Tensor, size: int = 256) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of at most ``size`` images, in order."""
    yield from zip(images.split(size), labels.split(size), index.split(size), strict=True)
