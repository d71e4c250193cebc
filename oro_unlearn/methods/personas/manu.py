"""MANU: modality-aware neuron pruning."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks.neurons import NeuronLayer, prune, recorded
from oro_unlearn.user_error import UserError

ACTIVE = 0.1  # above this absolute value a neuron counts as active (authors' code)
EPSILON = 1e-5  # added to the importance for the people who stay (authors' code)
Scores = list[Tensor]  # by layer, (width,)


class MANU(WithoutTraining, PersonaUnlearning):
    """Prunes the neurons that matter more for the people to forget than for the others (Liu et al., ACL 2025, 2502.15910).

    A neuron's importance for a set of questions has four forms: mean absolute activation, how often it is active, standard
    deviation, and root mean square. Its score is the sum over the four of importance(forget) / importance(retain) - 1. Neurons
    of the language model are scored on questions with pictures and on those without, each once; neurons of the vision tower
    on pictures. The highest ``share`` of each tower is set to 0. Use ``max_epochs: 0``.

    Args:
        share: Share of the neurons of each tower that are pruned, in (0, 1).
        samples: Most questions of each set and modality.
        kwargs: Arguments of :class:`PersonaUnlearning`.

    Raises:
        UserError: If the share is out of range.
    """

    takes_adapters = False  # it changes weights

    def __init__(self, share: float = 0.02, samples: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < share < 1:
            raise UserError(f"--model.share is a part of the neurons in (0, 1), not {share}")
        if samples < 1:
            raise UserError(f"--model.samples is a number of questions, at least 1, not {samples}")
        self.share, self.samples = share, samples

    @torch.no_grad()
    def on_fit_start(self) -> None:
        """Score the neurons of both towers, and prune."""
        super().on_fit_start()
        self.edited_parameters = 0
        for tower, layers in self.tower_layers().items():
            scores = self.scores(tower, layers)
            if not scores:
                continue  # no questions of the tower's kind
            best = torch.cat(scores).topk(max(1, int(self.share * sum(map(len, scores))))).indices
            chosen = torch.zeros(sum(map(len, scores)), dtype=torch.bool, device=best.device)
            chosen[best] = True
            for layer, own in zip(layers, chosen.split([len(part) for part in scores]), strict=True):
                neurons = own.nonzero().flatten()
                prune(layer, neurons)
                self.edited_parameters += len(neurons) * layer.makers[0].in_features
        if not self.edited_parameters:
            raise UserError(
                f"--model.towers {self.towers}: MANU compares questions about people to forget and to keep in each modality, "
                "and the data has no two such sets: choose other people or towers"
            )

    def scores(self, tower: str, layers: Sequence[NeuronLayer]) -> Scores:
        """Scores of a tower's neurons by layer; empty without questions to forget and to keep of the same modality."""
        total: Scores = []
        for pictured in (True, False) if tower == "text" else (True,):
            forget, retain = (self._importance(tower, layers, split, pictured) for split in ("forget", "retain"))
            if forget and retain:
                added = [(own / (kept + EPSILON) - 1).sum(0) for own, kept in zip(forget, retain, strict=True)]
                total = [before + more for before, more in zip(total, added, strict=True)] if total else added
        return total

    def _importance(self, tower: str, layers: Sequence[NeuronLayer], split: str, pictured: bool) -> list[Tensor]:
        """The four forms of importance (4, width) by layer; empty without questions of the modality."""
        moments = [Moments() for _ in layers]
        found = False
        for asked in self.inputs_of(split, self.samples, pictured):
            found = True
            self._read(tower, layers, asked, [part.update for part in moments])
        return [part.importance() for part in moments] if found else []

    def _read(self, tower: str, layers: Sequence[NeuronLayer], asked: Asked, keep: Sequence[Callable[[Tensor], None]]) -> None:
        with recorded(layers) as activations:
            self.counted(self.network(asked.inputs), len(asked.index))
        mask = asked.inputs["attention_mask"].bool()
        for number, hidden in activations.items():
            states = hidden[mask] if tower == "text" and hidden.dim() == 3 else hidden.flatten(0, -2)
            keep[number](states.float())


class Moments:
    """Sums over tokens from which the importance of neurons is computed."""

    def __init__(self) -> None:
        self.count, self.sums = 0, torch.zeros(0)

    def update(self, states: Tensor) -> None:
        """Add activations (N, width)."""
        parts: Iterable[Tensor] = (states.abs(), (states.abs() > ACTIVE).float(), states, states.square())
        sums = torch.stack([part.sum(0) for part in parts])
        self.sums = sums if self.count == 0 else self.sums + sums
        self.count += len(states)

    def importance(self) -> Tensor:
        """Mean absolute value, share of active tokens, standard deviation, and root mean square, (4, width)."""
        absolute, active, mean, square = self.sums / self.count
        return torch.stack([absolute, active, (square - mean.square()).clamp(min=0).sqrt(), square.sqrt()])
