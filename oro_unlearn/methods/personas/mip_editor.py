"""MIP-Editor: the neurons on the paths by which a model answers are found, pruned, and trained away from the answer."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from oro_unlearn.methods.misdirection import misdirection_losses, misdirection_target
from oro_unlearn.methods.personas.multimodal_model import Asked
from oro_unlearn.methods.personas.persona_unlearning import PersonaUnlearning
from oro_unlearn.methods.personas.token_share import token_share
from oro_unlearn.networks.neurons import TrainedRows, overlap, path_scores, prune, random_paths, select_paths
from oro_unlearn.networks.vision_language.forecast import Trained
from oro_unlearn.networks.vision_language.layer_states import hidden_states
from oro_unlearn.networks.vision_language.trained_towers import require_plain_weights
from oro_unlearn.user_error import UserError

Paths = list[Tensor]  # indices (K,) int64 of neurons, by layer
Tower = Literal["text", "vision"]


class MIPEditor(PersonaUnlearning):
    """Edits only the neurons on influential paths of both towers (Li et al., AAAI 2026, arXiv 2511.06793).

    A neuron is an input of the second linear layer of a feed-forward block. Before training, a greedy search from shallow to
    deep layers finds, for every question, the ``top_k`` neurons of each layer with the highest joint score with those of the
    layers before (3.2): integrated gradients of the answer's loss in the language model, the squared gradient (empirical Fisher
    information) in the vision tower. The union over the questions is edited: pruned, and the rows of the layers that make these
    neurons are trained by RMisU, which sends hidden states of the questions to forget and of their answers to a random
    direction, at every token, and keeps those of the others (3.3). All other weights stay as they are, bit for bit.

    It differs from the authors' code, which does not run: all path neurons count, not the last one; Fisher information has no
    z-score, which makes every neuron equal; text neurons are read at the last token of the prompt, because the first token of a
    causal model sees nothing else; neurons are 0 at every token, by their weights, and not only at one token by a hook; and a
    neuron can be left alone if the people who stay need it (``contrast``).

    Args:
        top_k: Neurons of each layer on the path of a question.
        steps: Steps of the integral.
        samples: Most questions, of those to forget and of the others, whose paths are searched.
        text_score: Score in the language model: ``integrated``, ``fisher``, or ``official``, which shows the z-scored form.
        vision_score: Score in the vision tower.
        selection: ``paths``; ``points``: each layer alone, without the layers before; ``random``: as many random neurons.
        contrast: How scores for the people who stay count: ``ratio``, ``difference`` or ``none`` (as published).
        prune: Whether the neurons are set to 0 before training.
        misdirect: Whether their rows are trained. Without it, use ``max_epochs: 0``.
        layer: Layer of the language model whose output RMisU moves; negative numbers count from the end. Rows of later
            layers get no gradient. The authors take layer 7 of 28 to 36.
        steering: Length of the target of hidden states, c in the paper.
        retain_weight: Weight of the states that are kept, alpha in the paper.
        forget_weight: Weight of the states that are moved, beta in the paper.
        kwargs: Arguments of :class:`PersonaUnlearning`.

    Raises:
        UserError: If a number is out of range, or nothing would be edited.
    """

    takes_adapters = False  # it changes rows of weights

    def __init__(
        self,
        top_k: int = 5,
        steps: int = 4,
        samples: int = 64,
        text_score: Literal["integrated", "fisher", "official"] = "integrated",
        vision_score: Literal["integrated", "fisher", "official"] = "fisher",
        selection: Literal["paths", "points", "random"] = "paths",
        contrast: Literal["ratio", "difference", "none"] = "ratio",
        prune: bool = True,
        misdirect: bool = True,
        layer: int = -1,
        steering: float = 10.0,
        retain_weight: float = 0.5,
        forget_weight: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in {"top_k": top_k, "steps": steps, "samples": samples}.items():
            if value < 1:
                raise UserError(f"--model.{name} is at least 1, not {value}")
        if not prune and not misdirect:
            raise UserError("--model.prune false and --model.misdirect false would edit nothing: set one of them")
        self.top_k, self.steps, self.samples = top_k, steps, samples
        self.score_of: dict[str, Any] = {"text": text_score, "vision": vision_score}
        self.selection, self.contrast, self.prunes, self.misdirect = selection, contrast, prune, misdirect
        self.layer, self.steering = layer, steering
        self.retain_weight, self.forget_weight = retain_weight, forget_weight
        self.train_splits = ("forget", "retain") if misdirect else ()
        self.paths: dict[str, dict[str, Paths]] = {}  # by tower: of "forget" (those that are edited) and "retain"
        self.target: Tensor

    def choose_parameters(self) -> None:
        """Freeze everything; the rows to train are known after the search."""
        require_plain_weights(self.network)
        self.network.requires_grad_(False)
        count = len(self.network.text_layers)
        if not -count <= self.layer < count:
            raise UserError(f"--model.layer is in {-count} to {count - 1} for this model, not {self.layer}")
        width = self.network.text_layers[0].reader.out_features
        target = misdirection_target(width, self.stream("misdirection"), self.steering)
        self.register_buffer("target", target, persistent=False)

    def configure_model(self) -> None:
        """Before a fit, search the paths and prune: the processes and the optimizer must know the rows that train.

        A resumed run has the paths from its checkpoint.
        """
        super().configure_model()
        if self.trainer.state.fn == "fit" and self.train_splits and not self.paths and not self.continues:
            self.to(self.trainer.strategy.root_device)
            with torch.device("cpu"):  # the trainer's device would get every new tensor, those of generators too
                self._edit_timed()

    def on_fit_start(self) -> None:
        """Edit now if nothing is trained."""
        super().on_fit_start()
        if not self.paths:
            self._edit_timed()

    @property
    def trained(self) -> Trained:
        """Rows, whose number is not known before the search."""
        return "none"

    def _edit_timed(self) -> None:
        with self.timed("search_seconds"):
            self.search()
            self.install()

    # -- the search

    def search(self) -> None:
        """Find the paths of both towers, for the people to forget and for the others."""
        self.network.eval()
        for tower, layers in self.tower_layers().items():
            scores = {split: self._scores(tower, split) for split in ("forget", "retain")}
            if not scores["forget"]:
                continue  # no pictures
            chosen = select_paths(scores["forget"], scores["retain"] or None, self.top_k, self.contrast)
            if self.selection == "random":
                widths = [(len(part), layer.reader.in_features) for part, layer in zip(chosen, layers, strict=True)]
                chosen = random_paths(widths, self.stream("random paths"))
            kept = select_paths(scores["retain"], None, self.top_k, "none") if scores["retain"] else []
            self.paths[tower] = {"forget": chosen, "retain": kept}
        if not self.paths:
            raise UserError("there is no question about the people to forget, so no path: check the data")
        self.paths = self.trainer.strategy.broadcast(self.paths)  # sums on a GPU may differ, and all must train the same rows

    def _scores(self, tower: str, split: str) -> list[Tensor]:
        """Scores (samples, width) of every layer's neurons, on the CPU; empty without questions of the tower's kind."""
        parts: list[list[Tensor]] = []
        for batch in self.inputs_of(split, self.samples, pictured=True if tower == "vision" else None):
            for asked, positions in self._placed(batch, tower):
                found = path_scores(
                    self.tower_layers()[tower],
                    lambda rows, asked=asked: self._log_likelihood(asked, rows),  # type: ignore[misc]
                    positions,
                    len(asked.index),
                    0 if self.selection == "points" else self.top_k,
                    self.steps,
                    self.score_of[tower],
                    batch_size=self.data.batch_size,
                )
                parts.append([scores.cpu() for scores in found])
        return [torch.cat(layer) for layer in zip(*parts, strict=True)]

    def _placed(self, asked: Asked, tower: Any) -> Iterator[tuple[Asked, Tensor]]:
        """Questions, and the mask (questions, tokens) of the tokens whose neurons are read.

        Every question is by itself where the vision tower has no row of tokens for each: patches are packed into one sequence
        (Qwen-VL), or a picture is cut into tiles (InternVL).
        """
        positions = self.network.positions(asked.inputs, tower)
        packed = tower == "vision" and asked.inputs["pixel_values"].dim() == 2
        if not packed and len(positions) == len(asked.index):
            yield asked, positions
            return
        for row in torch.arange(len(asked.index), device=self.device).split(1):
            one = Asked(self.network.select(asked.inputs, row), asked.index[row])
            yield one, self.network.positions(one.inputs, tower).flatten()[None]

    def _log_likelihood(self, asked: Asked, rows: Tensor) -> Tensor:
        """Mean log-likelihood (R,) of the answers' tokens: high because the network knows them."""
        return -self.counted(self.network.answer_losses(self.network.select(asked.inputs, rows)), len(rows))

    # -- the edit

    def install(self) -> None:
        """Prune the chosen neurons, and make the rows that produce them the only parameters that train."""
        layers = [layer for tower in self.paths for layer in self.tower_layers()[tower]]
        chosen = [neurons for paths in self.paths.values() for neurons in paths["forget"]]
        self.edited_parameters = 0
        for layer, neurons in zip(layers, chosen, strict=True):
            if self.prunes:
                prune(layer, neurons)
            trained = layer.makers if self.misdirect else layer.makers[:1]
            self.edited_parameters += sum(len(neurons) * maker.in_features for maker in trained)
        if self.misdirect:
            TrainedRows(layers, chosen)

    def losses(self, forget: Asked, retain: Asked) -> dict[str, Tensor]:
        """RMisU (3.3): ``retain`` keeps hidden states of the others, ``forget`` moves those of the forgotten."""
        with torch.no_grad():
            reference = self._hidden(self.original, retain)
        now, moved = self._hidden(self.network, retain), self._hidden(self.network, forget)
        tokens = [asked.inputs["attention_mask"].bool() for asked in (retain, forget)]
        terms = misdirection_losses(now, reference, moved, self.target, self.retain_weight, self.forget_weight, *tokens)
        shares = dict(zip(("retain", "forget"), map(token_share, tokens), strict=True))
        return {name: term * shares[name].to(term.device) for name, term in terms.items()}

    def _hidden(self, network: Any, asked: Asked) -> Tensor:
        """Outputs (B, T, width) of the layer."""
        return self.counted(hidden_states(network, asked.inputs)[self.layer], len(asked.index))

    # -- reports and checkpoints

    def on_test_epoch_end(self) -> None:
        """Add the paths to ``measurements``."""
        super().on_test_epoch_end()
        towers: dict[str, Any] = {}
        for tower, paths in self.paths.items():
            layers = self.tower_layers()[tower]
            towers[tower] = {
                "layers": [layer.name for layer in layers],
                "widths": [layer.reader.in_features for layer in layers],
                **{split: [part.tolist() for part in own] for split, own in paths.items()},
            }
        with_retain = {tower: paths for tower, paths in self.paths.items() if paths["retain"]}
        shared = {tower: overlap(paths["forget"], paths["retain"])._asdict() for tower, paths in with_retain.items()}
        self.measurements["paths"] = {**towers, "overlap": shared, "edited_parameters": self.edited_parameters}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the paths."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["paths"] = self.paths

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the paths, so that the rows exist whose values follow."""
        if not self.paths:
            self.paths = checkpoint.get("paths", {})
            self.install()
        super().on_load_checkpoint(checkpoint)
