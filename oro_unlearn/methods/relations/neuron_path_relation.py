"""Remove a relation by an edit of the neurons on the paths that carry it (MIP-Editor for CLIP)."""

from copy import deepcopy
from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from oro_unlearn.methods.misdirection import misdirection_losses, misdirection_target
from oro_unlearn.methods.relations.dual_encoder import Pairs
from oro_unlearn.methods.relations.first_look import unknown_tuples
from oro_unlearn.methods.relations.path_pairs import PathPairs
from oro_unlearn.methods.relations.several_encoders import SeveralEncoders
from oro_unlearn.methods.relations.tower_states import TowerStates
from oro_unlearn.networks.neurons import TrainedRows, overlap, path_scores, plain_state, prune, random_paths, select_paths
from oro_unlearn.networks.neurons.path_selection import Contrast
from oro_unlearn.user_error import UserError

SCORES: Any = {"text": "integrated", "image": "fisher"}  # how neurons of a tower are scored


class NeuronPathRelation(SeveralEncoders):
    """Finds the neurons of each MLP that carry a relation, layer by layer, and edits these alone.

    The editor of multimodal language models MIP-Editor (arXiv 2511.06793), for CLIP. A neuron is a coordinate of the input of
    an MLP's second layer, at the token that becomes the embedding. Captions of the tuple have integrated gradients, pictures
    the empirical Fisher information, see :func:`path_scores`. The score that is explained is the cosine of an unsafe pair, or
    its margin over the pair's neighbours, see :class:`PathPairs`. Neurons that pairs to keep need are left out by a contrast,
    see :func:`select_paths`; the authors have none.

    ``prune`` makes the chosen neurons 0 for every input and trains nothing: use ``max_epochs: 0``. ``misdirect`` trains only
    the rows of the MLPs' first layers that make them: the hidden states of what is to be forgotten go to a fixed random
    vector, those of what is to be kept stay (:func:`misdirection_losses`). ``both`` prunes first, so that the rows start at 0.
    The edit is in plain weights; there is no adapter that could be taken off.

    Args:
        towers: Towers that are edited: ``text``, ``image`` (a ViT) or ``both``.
        loss: ``margin`` or ``cosine``: what is explained.
        edit: ``prune``, ``misdirect`` or ``both``.
        top_k: Neurons of a layer in the path of one caption or picture. All paths together are edited.
        contrast: ``ratio``, ``difference`` or ``none``.
        steps: Points of the integral.
        samples: Most captions or pictures to forget, and as many to keep, that have a path.
        pictures: Most training pictures of each concept that are read.
        block: Block behind which hidden states are misdirected; -1 is the last. Only rows up to it train.
        steering: Length of the random vector, in mean lengths of the hidden states to forget.
        retain_weight: Weight of the hidden states to keep; those to forget have 1.
        vocab_captions: Captions of the vocabulary in a step that are kept too.
        random_neurons: Edit as many neurons of each layer, drawn at random, instead: a control.
        picture_batch_size: Number of pictures, or of points of the integral, that are computed at once.
        retrained: Checkpoints of the same network trained without the tuple, for comparison.
        kwargs: Arguments of :class:`DualEncoder`.

    Raises:
        UserError: If a number is out of range, a tower has no neurons, or weights do not fit.
    """

    def __init__(
        self,
        towers: Literal["both", "text", "image"] = "text",
        loss: Literal["margin", "cosine"] = "margin",
        edit: Literal["prune", "misdirect", "both"] = "prune",
        top_k: int = 5,
        contrast: Contrast = "ratio",
        steps: int = 8,
        samples: int = 64,
        pictures: int = 8,
        block: int = -1,
        steering: float = 1.0,
        retain_weight: float = 1.0,
        vocab_captions: int = 188,
        random_neurons: bool = False,
        picture_batch_size: int = 64,
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(top_k, steps, samples, pictures, picture_batch_size) < 1 or min(retain_weight, vocab_captions) < 0:
            numbers = "top_k, steps, samples, pictures and picture_batch_size are 1 or more"
            raise UserError(f"--model.{numbers}, retain_weight and vocab_captions 0 or more")
        self.towers = ("text", "image") if towers == "both" else (towers,)
        self.train_splits = () if edit == "prune" else ("unsafe", "edges", "nodes", "neutral")
        self.loss, self.edit, self.top_k, self.contrast, self.steps = loss, edit, top_k, contrast, steps
        self.samples, self.pictures, self.block, self.steering = samples, pictures, block, steering
        self.retain_weight, self.vocab_captions, self.random_neurons = retain_weight, vocab_captions, random_neurons
        self.picture_batch_size, self.retrained_paths = picture_batch_size, list(retrained)
        self.paths: dict[str, Any] = {}  # what was found, by tower; kept in the checkpoint
        self.rows: TrainedRows | None = None  # while they train
        self._targets: dict[str, Tensor] = {}

    def setup(self, stage: str) -> None:
        """Load the original and the models to compare with, once."""
        if self.networks:
            return
        super().setup(stage)
        for tower in self.towers:
            blocks = len(TowerStates(self.network, tower).layers)
            if not -blocks <= self.block < blocks:
                raise UserError(f"--model.block {self.block}: the {tower} tower has {blocks} blocks")
        networks = {"original": deepcopy(self.network), "unlearned": self.network}
        for number, path in enumerate(self.retrained_paths):
            networks[f"retrained_{number}"] = deepcopy(self.network)
            networks[f"retrained_{number}"].load_weights(path)
        self.networks = nn.ModuleDict(networks).requires_grad_(False).eval()

    def configure_model(self) -> None:
        """Before a fit that trains, find the paths and free their rows: the processes and the optimizer must know them.

        A resumed run has the paths from its checkpoint.
        """
        if self._trains and self.rows is None and not self.continues:
            self.to(self.trainer.strategy.root_device)
            self._find_and_prune()
            self._free_rows()

    @property
    def _trains(self) -> bool:
        """Whether the trainer fits, and the edit trains rows."""
        return self._trainer is not None and self.trainer.state.fn == "fit" and bool(self.train_splits)

    def train(self, mode: bool = True) -> "NeuronPathRelation":
        """Every network stays in eval mode."""
        super().train(mode)
        self.networks.eval()
        return self

    def needs_images(self, split: str) -> bool:
        """Whether training batches must contain pictures: not if the image tower is not edited."""
        return "image" in self.towers

    def first_look(self) -> list[str]:
        """Check that the original ranks the unsafe caption of an unsafe picture high among the gallery's safe captions."""
        return unknown_tuples(self, self.picture_batch_size)

    def on_fit_start(self) -> None:
        """Find the paths and prune, unless a resumed run has done so."""
        super().on_fit_start()
        self._find_and_prune()
        rank_zero_only(print)(self.summary())

    def on_fit_end(self) -> None:
        """Put plain weights in the place of trained rows."""
        super().on_fit_end()
        self._fuse()

    # -- the paths

    def _find_and_prune(self) -> None:
        if self.paths:
            return
        off = torch.autocast(self.device.type, enabled=False)
        with self.timed("search_seconds"), off, torch.no_grad():
            pairs = PathPairs(
                self.data,
                lambda images: self.image_features("original", images.to(self.device)),
                lambda texts: self.text_features("original", texts),
                self.pictures,
                self.loss,
            )
            self.paths = {tower: self._find(pairs, tower) for tower in self.towers}
            self.images_read += pairs.pictures_read
        if self.edit != "misdirect":
            for tower, found in self.paths.items():
                for layer, own in zip(TowerStates(self.network, tower).layers, found["layers"], strict=True):
                    prune(layer, torch.tensor(own["neurons"], dtype=torch.long))

    def _find(self, pairs: PathPairs, tower: str) -> dict[str, Any]:
        """The paths of a tower: numbers of neurons by layer, and how many of them paths to keep have too."""
        states = TowerStates(self.networks["original"], tower)
        forget, length = self._scores(pairs, states, unsafe=True)
        retain, _ = self._scores(pairs, states, unsafe=False)
        chosen = select_paths(forget, retain, self.top_k, self.contrast)
        if self.random_neurons:
            sizes = [(len(own), layer.width) for own, layer in zip(chosen, states.layers, strict=True)]
            chosen = random_paths(sizes, self.stream(f"neurons of the {tower} tower"))
        shared = overlap(chosen, select_paths(retain, None, self.top_k, "none"))
        layers = [
            {"name": layer.name, "neurons": neurons.tolist(), "of": layer.width, "overlap": common}
            for layer, neurons, common in zip(states.layers, chosen, shared.layers, strict=True)
        ]
        return {"layers": layers, "overlap": shared.total, "length": length}

    def _scores(self, pairs: PathPairs, states: TowerStates, unsafe: bool) -> tuple[list[Tensor], float]:
        """Scores of all neurons on pairs to forget or to keep, and the mean length of the hidden states behind the block."""
        captions, images, goals = pairs.samples(states.tower, unsafe, self.samples)
        inputs = states.inputs(captions, images)

        def cosines(rows: Tensor) -> Tensor:
            if states.tower == "image":
                self.images_read += len(rows)
                self.images_backward += len(rows) if torch.is_grad_enabled() else 0
            return (states.encode(inputs[rows]) * goals[rows]).sum(1)

        kind, size = SCORES[states.tower], self.picture_batch_size
        scores = path_scores(states.layers, cosines, states.positions(inputs), len(inputs), self.top_k, self.steps, kind, size)
        return scores, float(states.hidden(inputs[:size], self.block).norm(dim=1).mean())

    def summary(self) -> str:
        """What was found, in one line."""
        parts = []
        for tower, found in self.paths.items():
            chosen = [f"{len(own['neurons'])} of {own['of']}" for own in found["layers"]]
            parts.append(
                f"{tower} tower, neurons by layer: {', '.join(chosen)} ({found['overlap']:.0%} shared with paths to keep)"
            )
        return f"{self.edit}: {'; '.join(parts)}"

    # -- training of their rows

    def _free_rows(self) -> None:
        layers, chosen = [], []
        for tower, found in self.paths.items():
            own = TowerStates(self.network, tower).layers
            count = self.block % len(own) + 1
            layers += own[:count]
            chosen += [torch.tensor(one["neurons"], dtype=torch.long) for one in found["layers"][:count]]
        self.rows = TrainedRows(layers, chosen)
        if not self.rows.makers:
            raise UserError("no neuron is on a path of what is to be forgotten alone: raise --model.top_k or change contrast")

    def _fuse(self) -> None:
        if self.rows is not None:
            self.rows.fuse()
            self.rows = None

    def losses(self, **batch: Pairs) -> dict[str, Tensor]:
        """The two terms of the misdirection for each edited tower; none if nothing trains."""
        if not batch:
            return {}
        unsafe, kept = batch["unsafe"], [batch[name] for name in ("edges", "nodes", "neutral")]
        texts = [text for pairs in kept for text in pairs.captions] + self._vocabulary()
        terms: dict[str, Tensor] = {}
        for tower in self.towers:
            now, before = (TowerStates(self.networks[role], tower) for role in ("unlearned", "original"))
            captions = ([*unsafe.captions, *unsafe.attacks], list(dict.fromkeys(texts)))
            images = (unsafe.images, torch.cat([pairs.images for pairs in kept]) if tower == "image" else unsafe.images)
            forget, retain = (now.inputs(*given) for given in zip(captions, images, strict=True))
            with torch.no_grad():
                reference = before.hidden(retain, self.block)
            hidden = (now.hidden(retain, self.block), now.hidden(forget, self.block))
            own = misdirection_losses(hidden[0], reference, hidden[1], self._target(tower, reference), self.retain_weight, 1.0)
            terms |= {f"{name}_{tower}": value for name, value in own.items()}
        return terms

    def _target(self, tower: str, hidden: Tensor) -> Tensor:
        """The vector (width,) to which hidden states of a tower go."""
        if tower not in self._targets:
            length = self.steering * self.paths[tower]["length"]
            drawn = misdirection_target(hidden.shape[1], self.stream("misdirection"), length)
            self._targets[tower] = drawn.to(hidden.device)
        return self._targets[tower]

    def _vocabulary(self) -> list[str]:
        """Random captions of the vocabulary, as many with 0, 1 and 2 slots in common with the tuples to forget."""
        chosen: list[str] = []
        for shared in (0, 1, 2):
            texts = self.data.vocabulary[shared]
            chosen += [texts[place] for place in torch.randperm(len(texts))[: self.vocab_captions // 3].tolist()]
        return chosen

    # -- measuring and files

    def on_test_epoch_end(self) -> None:
        """Add the paths to the measurements."""
        super().on_test_epoch_end()
        if self.paths:
            self.measurements["paths"] = {"edit": self.edit, "contrast": self.contrast, "towers": self.paths}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the edited network with plain weights, and the paths; leave out the models that are inputs."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["state_dict"], checkpoint["paths"] = plain_state(self.network), self.paths

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Load the edited network, and free the rows of its paths again if they go on training."""
        super().on_load_checkpoint(checkpoint)
        self._fuse()
        self.network.load_state_dict(checkpoint["state_dict"])
        self.paths = checkpoint["paths"]
        if self._trains:
            self._free_rows()
        checkpoint["state_dict"] = self.state_dict()
