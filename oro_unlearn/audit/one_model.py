"""The audit of one classifier: its scores, and what probes, relearning and the red team find in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import nn

from oro_unlearn.attacks.classes import EFFORTS, Target, attack_classifier
from oro_unlearn.audit.figures import Figures, Model
from oro_unlearn.audit.scoring import Depth, Images, attack_features, scored

Began = Callable[[str], object]  # is told which part of an audit begins


class Tried(NamedTuple):
    """What is tried against every model of an audit."""

    depth: Depth | None  # of relearning; None: outputs alone
    attacks: str  # of the red team: none, quick or full

    @property
    def parts(self) -> int:
        """Number of parts that :func:`attacked_model` begins."""
        red_team = EFFORTS[self.attacks].parts if self.attacks in EFFORTS else 0
        return 3 + red_team if self.depth else 1


def attacked_model(
    target: Target, images: Images, tried: Tried, judge: nn.Module | None = None, began: Began = lambda _: None
) -> tuple[Model, Figures]:
    """Score a classifier on every split, probe it, let it relearn, and make the attacks of the red team.

    Args:
        target: The classifier, and what it should have forgotten.
        images: Images by split.
        tried: What is tried.
        judge: Says what inverted inputs show; None: no class is inverted.
        began: Called with the name of each part before it begins.

    Returns:
        The scores, and the figures of all attacks.

    Raises:
        UserError: If outputs are NaN or infinite.
    """
    began("outputs")
    scores = scored(target.network, target.num_classes, images)
    if not tried.depth:
        return scores, {}
    figures = attack_features(target.network, target.num_classes, target.forgotten, images, scores, tried.depth, began)
    if tried.attacks in EFFORTS:
        figures |= attack_classifier(target, images, scores, EFFORTS[tried.attacks], judge, began=began)
    return scores, figures


@contextmanager
def progress_of(models: Sequence[str] | Mapping[str, Any], tried: Tried) -> Iterator[Callable[[str], Began]]:
    """A progress bar over the parts of all models, which goes when the block ends.

    Args:
        models: Names of the models.
        tried: What is tried against each.

    Yields:
        A function that takes the name of a model and returns the ``began`` of its audit.
    """
    from rich.progress import Progress, TimeElapsedColumn

    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), transient=True) as progress:
        task = progress.add_task("auditing models", total=len(models) * tried.parts)
        done = -1

        def of(model: str) -> Began:
            def began(part: str) -> None:
                nonlocal done
                done += 1
                progress.update(task, completed=done, description=f"auditing {model}: {part}")

            return began

        yield of
