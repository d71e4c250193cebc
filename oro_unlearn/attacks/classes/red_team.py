"""All attacks of the red team on one classifier, with their figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from oro_unlearn.attacks.classes.drawn_names import typographic_attack
from oro_unlearn.attacks.classes.inversion import inversion
from oro_unlearn.attacks.classes.patches import Marked, patch_attack
from oro_unlearn.attacks.classes.pixels import pixel_range
from oro_unlearn.attacks.classes.retain_tuning import retain_tuning_curve
from oro_unlearn.attacks.fine_tuning import Images, logits_on, with_gradients
from oro_unlearn.attacks.linear_probe import linear_probe
from oro_unlearn.attacks.quantisation import quantise
from oro_unlearn.attacks.scores import Scores
from oro_unlearn.user_error import UserError

SEED = 20_011  # of every draw, the same for every model
Figures = dict[str, float]


class Effort(NamedTuple):
    """How much is tried against one model."""

    bits: tuple[int, ...] = ()  # bits of quantised weights
    tuning: tuple[int, ...] = ()  # numbers of steps on retained data alone
    shots: tuple[int, ...] = ()  # images a class of the probes, beside those of every audit
    inversion_steps: int = 0  # 0: no class is inverted
    restarts: int = 8  # inverted inputs of each class
    patch_steps: int = 0  # 0: no patch is made, and no name is drawn
    controls: int = 3  # retained classes that are inverted as a control

    @property
    def parts(self) -> int:
        """Number of kinds of attack."""
        return sum(map(bool, (self.bits, self.tuning, self.shots, self.patch_steps, self.inversion_steps)))


EFFORTS = {
    "quick": Effort(bits=(8,), tuning=(10,)),
    "full": Effort(bits=(8, 4), tuning=(10, 50, 100), shots=(1, 20), inversion_steps=200, patch_steps=100),
}


def red_team_json(name: str, judge: str) -> dict[str, Any]:
    """What was tried, ready for a JSON file.

    Args:
        name: Name of the effort.
        judge: The model that judged inverted inputs; empty if there was none.
    """
    effort = EFFORTS[name]
    return {"effort": name, "seed": SEED, **effort._asdict(), **({"judge": judge} if judge and effort.inversion_steps else {})}


class Target(NamedTuple):
    """A classifier to attack, and what it should have forgotten."""

    network: nn.Module
    num_classes: int
    forgotten: Sequence[int]
    class_names: Sequence[str]  # names of all classes


def attack_classifier(
    target: Target,
    images: Mapping[str, Sequence[Tensor]],
    scores: Mapping[str, Scores],
    effort: Effort,
    judge: nn.Module | None = None,
    seed: int = SEED,
    began: Callable[[str], object] = lambda _: None,
) -> Figures:
    """Make every attack of an effort on one classifier.

    Args:
        target: The classifier. It is not changed.
        images: By split (``retain``, ``forget``, ``test_retain``, ``test_forget``): normalised images (N, C, H, W) and labels
            (N,), and perhaps more.
        scores: Scores of these images.
        effort: What is tried.
        judge: Says what inverted inputs show; it must know all classes. None: no class is inverted.
        seed: Seed of every draw.
        began: Called with the name of each kind of attack before it begins.

    Returns:
        Figures by name, averaged over the forgotten classes; NaN for an attack that needs a finite logit, if the head masks it.
        An attack that lacks images is left out.

    Raises:
        UserError: If ``forgotten`` is empty or has no index of a class.
    """
    wrong = [label for label in target.forgotten if not 0 <= label < target.num_classes]
    if wrong or not len(target.forgotten):
        raise UserError(f"no class {wrong[0]} to attack" if wrong else "name at least one forgotten class to attack")
    sets: dict[str, Images] = {name: (parts[0], parts[1]) for name, parts in images.items()}
    kept = (target.network, target.num_classes, sets["retain"], sets["test_forget"], effort.tuning)
    attacks: dict[str, tuple[Any, Callable[[], Figures]]] = {
        "weights of few bits": (effort.bits, lambda: _quantised(target, sets, effort)),
        "steps on retained data": (effort.tuning, lambda: _tuned(retain_tuning_curve(*kept, seed=seed))),
        "few-shot probes": (effort.shots, lambda: _few_shots(target, scores, effort, seed)),
        "patches": (effort.patch_steps, lambda: _marks(target, sets, effort, seed)),
        "inversion": (effort.inversion_steps and judge, lambda: _inverted(target, sets, effort, judge, seed)),
    }
    found: Figures = {}
    for name, (asked, made) in attacks.items():
        if asked:
            began(name)
            found |= made()
    return found


def _quantised(target: Target, sets: Mapping[str, Images], effort: Effort) -> Figures:
    """Accuracy on test images with weights of few bits."""
    found: Figures = {}
    for bits in effort.bits:
        with with_gradients(target.network):
            small = quantise(target.network, bits).requires_grad_(False).eval()
            for name in ("forgotten", "retained"):
                images, labels = sets["test_forget" if name == "forgotten" else "test_retain"]
                right = logits_on(small, images).argmax(1) == labels.cpu()
                found[f"quantised_{bits}/{name}"] = float(right.double().mean())
    return found


def _tuned(curve: Mapping[int, float]) -> Figures:
    return {f"retain_tuning_{step}": value for step, value in curve.items()}


def _few_shots(target: Target, scores: Mapping[str, Scores], effort: Effort, seed: int) -> Figures:
    """Recall of probes of a few images of each forgotten class; a probe that needs more images than there are is left out."""
    pairs = (("retain", "forget"), ("test_retain", "test_forget"))
    features, test_features = (torch.cat([scores[name].features for name in pair]) for pair in pairs)
    labels, test_labels = (torch.cat([scores[name].labels for name in pair]) for pair in pairs)
    given = (features, labels, test_features, test_labels, target.forgotten)
    fewest = min(int((labels == label).sum()) for label in target.forgotten)
    return {
        f"probe_{shots}_shot": linear_probe(*given, shots=shots, seed=seed).recall for shots in effort.shots if shots <= fewest
    }


def _marks(target: Target, sets: Mapping[str, Images], effort: Effort, seed: int) -> Figures:
    """Patches and drawn names, class by class."""
    pixels = pixel_range(sets["retain"][0])
    patches, names = [], []
    for label, forget, tests in _by_class(target, sets):
        patches.append(patch_attack(target.network, label, forget, tests, pixels, effort.patch_steps, seed=seed))
        names.append(typographic_attack(target.network, label, target.class_names[label], tests, pixels))
    return _averaged("patch", patches) | _averaged("typographic", names)


def _by_class(target: Target, sets: Mapping[str, Images]) -> Iterator[tuple[int, Images, tuple[Images, Images]]]:
    """Each forgotten class that has images: training images, and test images of the class and of retained classes."""
    for label in target.forgotten:
        own = [(parts[1] == label, parts) for parts in (sets["forget"], sets["test_forget"])]
        forget, test = ((images[rows], labels[rows]) for rows, (images, labels) in own)
        if len(forget[1]) and len(test[1]):
            yield label, forget, (test, sets["test_retain"])


def _averaged(name: str, marked: Sequence[Marked]) -> Figures:
    """Figures of an attack by marks, averaged over classes."""
    parts = ("forgotten", "retained", "excess")
    return {f"{name}/{part}": mean(getattr(one, part) for one in marked) for part in parts if marked}


def _inverted(target: Target, sets: Mapping[str, Images], effort: Effort, judge: Any, seed: int) -> Figures:
    """Inversion of the forgotten classes, and of some retained classes as a control."""
    images, labels = sets["retain"]
    kept = labels.unique().tolist()
    controls = [kept[place] for place in torch.linspace(0, len(kept) - 1, min(len(kept), effort.controls)).long().tolist()]
    own = (target.forgotten, controls, images.shape[1:], pixel_range(images))
    found = inversion(target.network, judge, *own, effort.inversion_steps, effort.restarts, seed)
    return {"inversion/forgotten": found.forgotten, "inversion/retained": found.retained}
