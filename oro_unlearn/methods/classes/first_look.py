"""Checks of the models before anything is edited: a run whose figures would be wrong must not start."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from oro_unlearn.methods.classes.normalisation import likelier_normalisation
from oro_unlearn.metrics import above_chance
from oro_unlearn.user_error import UserError

AT_MOST = 2000  # images of a split that are checked
CERTAIN = 0.05  # significance level of the tests against chance


class Answers(NamedTuple):
    """Predictions of one model for the images of several splits."""

    hits: Tensor  # (K, K) float64 counts: rows are labels, columns predictions

    def recall(self, label: int) -> tuple[int, int]:
        """Number of pictures of a class that the model recognises, and number of all pictures of the class."""
        return int(self.hits[label, label]), int(self.hits[label].sum())

    def right(self, labels: list[int], order: list[int] | None = None) -> tuple[int, int]:
        """Number of right answers for pictures of some classes, and of all these pictures.

        ``order`` gives the row of the head for each class; None: classes and rows have the same order.
        """
        rows = labels if order is None else [order[label] for label in labels]
        return int(self.hits[labels, rows].sum()), int(self.hits[labels].sum())


def checked_logits(logits: Tensor, images: Tensor, num_classes: int, network: nn.Module) -> Tensor:
    """The given logits, after a check that figures can be computed from them.

    Args:
        logits: Output of the network, already a plain tensor.
        images: The batch (B, C, H, W).
        num_classes: Number of classes K of the data.
        network: The network, for the error.

    Raises:
        UserError: If the logits are not of shape (B, K), not finite, or already probabilities.
    """
    name = type(network).__name__
    if logits.ndim != 2 or len(logits) != len(images):
        raise UserError(
            f"{name} returns {tuple(logits.shape)} for {len(images)} images, where (B, K) logits are needed: "
            "choose a classifier with --model.network"
        )
    if logits.shape[1] != num_classes:
        raise UserError(
            f"{name} has {logits.shape[1]} outputs and the data {num_classes} classes: name a class for every output, in their "
            "order, with --data.class_names, or set the network's number of classes"
        )
    if logits.isnan().any() or bool((logits == torch.inf).any()):  # a mask may be minus infinity
        raise UserError(f"{name} returns NaN or infinite values for the first batch: check weights, --data.mean and --data.std")
    sums = logits.sum(1)
    if num_classes > 1 and bool((logits >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3):
        raise UserError(
            f"{name} returns probabilities (no value is negative and rows sum to 1), and figures need logits: "
            "leave out the softmax at its end"
        )
    return logits


def answers(method: Any, network: nn.Module, splits: tuple[str, ...]) -> Answers:
    """Predictions of a network for images of some splits, at most 2,000 of each, evenly spaced."""
    hits = torch.zeros(method.num_classes, method.num_classes, dtype=torch.float64)
    for images, labels in _looked_at(method, splits):
        logits = checked_logits(method._probe(network, images), images, method.num_classes, network)
        pairs = labels * method.num_classes + logits.argmax(1).cpu()
        hits += torch.bincount(pairs, minlength=hits.numel()).view_as(hits)
    return Answers(hits)


def _looked_at(method: Any, splits: tuple[str, ...]) -> Iterator[tuple[Tensor, Tensor]]:
    for split in splits:
        for batch in method.read(split, at_most=AT_MOST):
            yield batch.images, batch.labels.cpu()


def complaints(method: Any, requested: list[int], names: list[str], natural: list[str] | None) -> list[str]:
    """Problems with the original that is to be edited, and with the retrained models that it is compared with.

    Args:
        method: A class method whose models are loaded.
        requested: Indices of the classes to forget now; empty if single samples are forgotten.
        names: Names of the K classes.
        natural: The classes in natural order, if this differs from the folders' text order and the user gave no order.
    """
    method.eval()
    known = answers(method, method.original, ("forget", "test_forget"))
    kept = answers(method, method.original, ("test_retain",))
    problems = _unknown(known, kept, requested, names)
    both = Answers(known.hits + kept.hits)
    order = _order(both, names, natural)
    looks = _looked_at(method, ("test_retain",))
    cause = likelier_normalisation(method, looks, *kept.right(list(range(method.num_classes)))) or order
    if problems or cause:
        problems = [f"the original {' and '.join(problems)}"] if problems else []
        problems = [*problems, cause or _causes(method, names if natural else [])]
    for path, network in zip(method.retrained_paths, method.retrained, strict=True):
        problems += _remembering(answers(method, network, ("forget", "test_forget")), requested, names, path)
    return problems


def _unknown(known: Answers, kept: Answers, requested: list[int], names: list[str]) -> list[str]:
    """Data that the original recognises no better than by chance."""
    chance, unknown = 1 / len(names), []
    for label in requested:
        hits, pictures = known.recall(label)
        if not above_chance(hits, pictures, chance, CERTAIN):
            unknown.append(f"recognises {hits} of {pictures} pictures of {names[label]!r}, which is to be forgotten")
    everything = list(range(len(names)))
    if not requested:
        hits, pictures = known.right(everything)
        if not above_chance(hits, pictures, chance, CERTAIN):
            unknown.append(f"is right about {hits} of {pictures} samples that are to be forgotten")
    hits, pictures = kept.right(everything)
    if not above_chance(hits, pictures, chance, CERTAIN):
        unknown.append(f"is right about {hits} of {pictures} test pictures of all else")
    return [*unknown[:3], f"... ({len(unknown)} such classes)"] if len(unknown) > 4 else unknown


def _order(both: Answers, names: list[str], natural: list[str] | None) -> str:
    """A message if the head's rows seem to be in another order than the classes; else empty."""
    everything, give = list(range(len(names))), "give the order of the head's rows with --data.class_names FILE"
    here, pictures = both.right(everything)
    there = both.right(everything, [natural.index(name) for name in names])[0] if natural else 0
    if natural and there > here:
        return (
            f"the class order is likely wrong: folders sort as text ({', '.join(names[:3])}, ...), which makes {here} of "
            f"{pictures} answers right; in natural order ({', '.join(natural[:3])}, ...) it would be {there}: {give}"
        )
    swapped = _swapped(both)
    if not swapped:
        return ""
    first, second = (names[label] for label in swapped[0])
    back = ", and the reverse" if swapped[0][::-1] in swapped else ""
    return f"the class order is likely wrong: pictures of {first!r} are mostly called {second!r}{back}: {give}"


def _swapped(both: Answers) -> list[tuple[int, int]]:
    """Pairs (label, row) of classes that the model mostly predicts as another class.

    That other class must itself be mostly predicted as another class, and the label must be the prediction for another one.
    """
    totals, rows = both.hits.sum(1).int().tolist(), both.hits.argmax(1).tolist()
    moved = {
        label: row
        for label, row in enumerate(rows)
        if row != label and above_chance(int(both.hits[label, row]), totals[label], 0.5, CERTAIN)
    }
    return [(label, row) for label, row in moved.items() if row in moved and label in moved.values()]


def _causes(method: Any, as_text: list[str]) -> str:
    order = f"class order (the folders sort as text: {', '.join(as_text[:3])}, ...; " if as_text else "class order ("
    return (
        f"likely causes: {order}--data.class_names FILE gives that of the head's rows), image size (--data.image_size), "
        f"normalisation (--data.mean, --data.std), or the wrong file ({method.original_path})"
    )


def _remembering(answered: Answers, requested: list[int], names: list[str], path: str) -> list[str]:
    """A message if a model was given as retrained without a class and still recognises it."""
    chance, error = 1 / len(names), CERTAIN / max(1, len(requested))
    counts = {label: answered.recall(label) for label in requested}
    return [
        f"{path} is given as retrained without {names[label]!r} and recognises {hits} of {pictures} pictures of it: "
        "name models that were trained without it with --model.retrained"
        for label, (hits, pictures) in counts.items()
        if above_chance(hits, pictures, chance, error)
    ][:1]
