"""A CLIP model that is trained or edited, and then measured on the probes of a relation graph."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from oro_unlearn.attacks.relations import strongest_caption
from oro_unlearn.methods.first_words import relation_words
from oro_unlearn.methods.loss_history import LossHistory
from oro_unlearn.methods.relations.caption_benchmarks import measure_benchmarks
from oro_unlearn.methods.relations.caption_cache import chosen
from oro_unlearn.methods.relations.causal_tracing import trace_relation
from oro_unlearn.methods.relations.relation_attack import attack_models
from oro_unlearn.methods.relations.relation_audit import Features, measure, not_measured, relational_safety_score
from oro_unlearn.methods.relations.spread import spread
from oro_unlearn.methods.relations.weight_attack import attack_weights
from oro_unlearn.networks import OpenCLIP, save_weights
from oro_unlearn.networks.caption_vectors import encode_captions
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import RelationalData


class Pairs(NamedTuple):
    """Image-caption pairs of one group."""

    images: Tensor  # (B, 3, H, W) uint8
    captions: list[str]
    attacks: list[str]  # the same captions with other words, places or spellings
    slots: Tensor  # (B, 3) int64: subject, relation, object
    index: Tensor  # type: ignore[assignment]  # (B,) int64, position in the split


class DualEncoder(LossHistory):
    """A CLIP model, its learning rate schedule, and its measurement.

    Args:
        network: Constructor of the model, such as :class:`oro_unlearn.networks.OpenCLIP`.
        optimizer: Makes the optimizer from the trained parameters.
        schedule: Learning rate schedule, updated at every step: ``cosine`` to ``final_lr``, or ``constant``.
        warmup: Fraction of the steps in which the learning rate rises from 0.
        final_lr: End of the cosine, as a fraction of the learning rate.
        loader_mode: As in :class:`UnlearningModule`.
        text_batch_size: Number of captions that are encoded at once without gradients.
        trace: Training pictures of each tuple with which a trace finds where the original tells the tuples to forget from their
            neighbours, see :func:`trace_relation`. 0: no trace.
    """

    report_module = "oro_unlearn.report.relation_report"
    batch_type: Any = Pairs
    whole_batches = True

    def __init__(
        self,
        network: Callable[[], OpenCLIP] = OpenCLIP,
        optimizer: OptimizerCallable = lambda params: AdamW(params, lr=1e-3, weight_decay=0.01),
        schedule: Literal["cosine", "constant"] = "cosine",
        warmup: float = 0.1,
        final_lr: float = 0.1,
        loader_mode: Literal["max_size_cycle", "min_size"] = "max_size_cycle",
        text_batch_size: int = 512,
        trace: int = 0,
    ) -> None:
        super().__init__(optimizer=optimizer, loader_mode=loader_mode)
        if text_batch_size < 1:
            raise UserError(f"--model.text_batch_size is a number of captions, at least 1, not {text_batch_size}")
        if trace < 0:
            raise UserError(f"--model.trace is a number of pictures, 0 for no trace, not {trace}")
        self.text_batch_size, self.trace = text_batch_size, trace
        if not (0 <= warmup <= 1 and 0 <= final_lr <= 1):
            raise UserError(f"--model.warmup and --model.final_lr are shares in [0, 1], not {warmup} and {final_lr}")
        self.make_network = network
        self.network: Any = None
        self.schedule, self.warmup, self.final_lr = schedule, warmup, final_lr
        self.measurements: dict[str, Any] = {}

    @property
    def data(self) -> "RelationalData":
        """The trainer's data module."""
        return cast("RelationalData", super().data)

    def check_data(self, data: Any) -> None:
        """Reject data without relations.

        Raises:
            UserError: If the data module has no relation graph.
        """
        if "graph" not in dir(data):  # the graph itself is read later
            kinds = f"{type(self).__name__} is for relations, and {type(data).__name__} has none"
            raise UserError(f"{kinds}: choose --data Scenes or --data RelationPairs")

    def setup(self, stage: str) -> None:
        """Load the model once: ``test`` after ``fit`` must use the edited weights."""
        if self.network is None:
            self.network = self.make_network()

    def scheduler(self, optimizer: Optimizer) -> Any:
        """Schedule from ``schedule``, ``warmup`` and ``final_lr``, updated at every step."""
        otherwise = "--model.schedule constant and --model.warmup 0"
        return self.over_the_run(optimizer, self.schedule, otherwise, rising=self.warmup, end=self.final_lr)

    def spread_images(self, images: Tensor) -> Tensor:
        """Features (B, D) of a training batch's images under the model; each image is encoded by one of the processes."""
        return self.counted(spread(len(images), lambda own: self.network.encode_image(chosen(images, own))), len(images))

    def spread_texts(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the model; each caption is encoded by one of the processes."""
        tokens = self.network.tokenize(captions)
        return spread(len(captions), lambda own: self.network.encode_text(chosen(tokens, own)))

    def models(self) -> list[str]:
        """Models to measure side by side, by role."""
        return [self.role]

    @contextmanager
    def opened(self, role: str) -> Iterator[Any]:
        """The network of one of :meth:`models`. It is this model only within the block."""
        yield self.network

    def picture_features(self, images: Tensor) -> dict[str, Tensor]:
        """Unit vectors (B, D) of images (B, 3, H, W) under every model."""
        return {role: self.image_features(role, images) for role in self.models()}

    @torch.no_grad()
    def image_features(self, role: str, images: Tensor) -> Tensor:
        """Unit vectors (B, D) float32 of images (B, 3, H, W) uint8 under one of :meth:`models`, without autocast."""
        with torch.autocast(self.device.type, enabled=False):
            return self.network.encode_image(images)

    @torch.no_grad()
    def text_features(self, role: str, captions: Sequence[str]) -> Tensor:
        """Unit vectors (N, D) float32 of captions under one of :meth:`models`, without autocast."""
        with torch.autocast(self.device.type, enabled=False):
            return encode_captions(self.network, captions, self.text_batch_size)

    def first_words(self) -> list[str]:
        """Sentences for an edit that did nothing, did not forget, only shields, or destroyed the model."""
        metrics = self.measurements["metrics"]
        return relation_words(metrics, strongest_caption(self.measurements["details"])) if "unlearned" in metrics else []

    def on_fit_start(self) -> None:
        """Reject a test that leaves out pictures before anything is trained."""
        super().on_fit_start()
        self._check_test_batches()

    def _check_test_batches(self) -> None:
        limit, module = self.trainer.limit_test_batches, cast(LightningDataModule, self.data)
        batches = len(module.test_dataloader())
        read = limit if isinstance(limit, int) else int(limit * batches)
        if read < batches:
            raise UserError(
                f"--trainer.limit_test_batches {limit} leaves out pictures, and every figure compares all pictures with all "
                "captions: leave this option out"
            )

    def on_test_start(self) -> None:
        """Start collecting every model's image features, in float32 whatever the training precision was.

        Raises:
            UserError: If the test leaves out pictures.
        """
        self._check_test_batches()
        self.float()
        self._features: Any = torch.nn.ModuleDict({role: _Rows() for role in self.models()}).to(self.device)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Encode each picture once with each model."""
        pairs = Pairs(*batch)
        for role, vectors in self.picture_features(pairs.images).items():
            self._features[role].update(vectors, pairs.index)

    def on_test_epoch_end(self) -> None:
        """Collect ``measurements``: figures by model, and the data that the report's plots need."""
        probes = self.data.measured
        features = {
            role: Features(self._features[role].compute().cpu(), self.text_features(role, probes.texts).cpu())
            for role in self.models()
        }
        first = next(iter(features.values()))
        metrics, details, attacks = {}, {}, attack_models(self, features, self.attacks)
        weights = attack_weights(self, features, self.attacks)
        for role, own in features.items():
            metrics[role], details[role] = measure(probes, own, first)
            if role in attacks:
                metrics[role] |= attacks[role][0]
                details[role]["search"] = attacks[role][1]
            if role in weights:
                metrics[role] |= weights[role][0]
                details[role]["weights"] = weights[role][1]
            if own is not first:
                metrics[role] |= relational_safety_score(metrics[role], next(iter(metrics.values())))
        losses = {name: [float(step[name]) for step in self.history] for name in self.terms()}
        lacking = not_measured(next(iter(metrics.values()))) if len(metrics) > 1 else {}
        self.measurements = {"metrics": metrics, "details": details, "losses": losses, "not_measured": lacking}
        if self.data.caption_benchmarks:
            self.measurements["benchmarks"] = measure_benchmarks(self, self.data.caption_benchmarks)
        if self.trace:
            with self.opened(self.models()[0]) as network:
                self.measurements["trace"] = trace_relation(network, self.data, pictures=self.trace)
        del self._features

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write ``model.safetensors``: a state dict that plain open_clip loads, with ``notes`` as metadata."""
        save_weights(self.network.merged_state(), root / "model.safetensors", notes)


class _Rows(Metric):
    """Vectors by row number, gathered from all processes and sorted by row."""

    full_state_update = False
    vectors: list[Tensor]
    rows: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("vectors", [], dist_reduce_fx="cat")
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, vectors: Tensor, rows: Tensor) -> None:
        """Add vectors (B, D) with their row numbers (B,)."""
        self.vectors.append(vectors)
        self.rows.append(rows)

    def compute(self) -> Tensor:
        """All vectors (N, D), sorted by row; a row that was added twice is kept once."""
        vectors, rows = dim_zero_cat(self.vectors), dim_zero_cat(self.rows)
        ordered = torch.empty_like(vectors[: int(rows.max()) + 1])
        ordered[rows] = vectors
        return ordered
