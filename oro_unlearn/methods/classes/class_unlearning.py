"""Base class of the methods that forget classes: the original, the retrained models, and the trained parameters."""

import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from oro_unlearn.methods.classes.cache import CacheMode, Plan, SampleCache, make_plan
from oro_unlearn.methods.classes.classifier import Classifier
from oro_unlearn.methods.classes.first_look import complaints
from oro_unlearn.methods.first_words import class_words
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import load_weights, resolve_layers
from oro_unlearn.user_error import UserError

INPUTS = ("original.", "retrained.", "teacher.")  # prefixes of weights that are inputs: a checkpoint leaves them out


class ClassUnlearning(Classifier):
    """Edits a trained classifier; the original is kept as a copy, frozen and in eval mode.

    A method that can forget single samples as well as classes sets ``forgets_samples``. A method whose losses read a frozen
    network names the splits in ``teacher_splits``, computes the network's outputs in :meth:`teacher_outputs`, and reads them
    through :meth:`taught`. They can then be cached.

    Args:
        original: Checkpoint of the trained classifier: ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt``.
        retrained: Checkpoints of models trained without the forgotten data, for comparison. May be empty: the reference
            columns are then left out.
        checkpoint_key: Key of the state dict in the original's file, if the file holds several, for instance ``model_ema``;
            a dot separates nested keys: ``ema.state_dict``.
        cache: Values that are computed once for each training image instead of in every step. ``activations``: inputs of the
            first trained layer (everything before it must be frozen), and teachers' outputs. ``teacher``: only teachers'
            outputs. ``auto``: the most that changes no result; the run prints its choice. ``off``: nothing. With augmentation
            nothing can be cached, unless ``views`` is set.
        cache_limit: Largest size in GiB of cached values in memory. Larger caches are a file in the run's folder while it
            trains.
        views: Number of augmented views of each image that are cached with their activations. They replace new views in every
            epoch, which is an approximation. 0: images are cached without augmentation.
        kwargs: Arguments of :class:`Classifier`.

    Raises:
        UserError: If a checkpoint is missing; if nothing is to be forgotten, a checkpoint does not fit the network, or the
            requested cache cannot be used.
    """

    forgets_samples = False
    teacher_splits: tuple[str, ...] = ()  # splits whose loss reads a frozen network

    def __init__(
        self,
        original: str = "",
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        checkpoint_key: str = "",
        cache: CacheMode = "auto",
        cache_limit: float = 4.0,
        views: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if views < 0 or cache_limit < 0:
            raise UserError(f"--model.views ({views}) and --model.cache_limit ({cache_limit}) must not be negative")
        if not self.forget_classes and not self.forgets_samples:
            raise UserError(
                f"no class is named, and {type(self).__name__} forgets whole classes: name them with "
                '--data.forget "[NAME]", or by index with --data.forget_index "[INDEX]"; single pictures '
                "(--data.forget_files, --data.forget_indices) are for methods such as FineTune"
            )
        self.original_path, self.retrained_paths, self.checkpoint_key = original, list(retrained), checkpoint_key
        self.original: nn.Module | None = None
        self.retrained = nn.ModuleList()
        self.cache_mode, self.cache_limit, self.views = cache, cache_limit, views
        self.cache: SampleCache | None = None  # while training
        self._plan: Plan | None = None  # of the cache; kept from the first access to the training data until training ends

    def setup(self, stage: str) -> None:
        """Load the checkpoints once: ``test`` after ``fit`` must use the edited weights."""
        if self.original is not None:
            return
        self.require_forget_set()
        self._require_original()
        rank_zero_only(print)(load_weights(self.network, self.original_path, self.checkpoint_key))
        self.original = self._frozen(self.network)
        for path in self.retrained_paths:
            model = deepcopy(self.original)
            load_weights(model, path)
            self.retrained.append(self._frozen(model))
        self.choose_parameters()

    def choose_parameters(self) -> None:
        """Freeze what the method does not train, or add adapters; called once, after the original is loaded."""

    @torch.no_grad()
    def first_look(self) -> list[str]:
        """Check that the original recognises the data to forget, and that the retrained models do not."""
        return complaints(self, self.data.requested_classes, self.data.class_names, self.data.natural_order)

    def absent_classes(self) -> int:
        """Number of classes without a picture in the data; 0 if the method has no data."""
        return self.num_classes - len(self.data.present_classes) if self.has_data else 0

    def remarks(self) -> list[str]:
        """A warning if training on labels would also unlearn classes without pictures."""
        absent = self.absent_classes()
        if not absent or "retain" not in self.train_splits or "retain" in self.teacher_splits:
            return []
        return [
            f"{absent} of {self.num_classes} classes have no pictures: {type(self).__name__} trains on labels of the others "
            "alone and may destroy them; the report says how often a class without pictures is predicted"
        ]

    def first_words(self) -> list[str]:
        """Sentences for an edit that did nothing, did not forget, or destroyed the model."""
        measured = self.measurements
        images = {split: len(self.data.split(split)) for split in ("forget", "test_forget", "test_retain")}
        predicted = {role: torch.tensor(measured["confusion"][role]).sum(0) for role in ("original", "unlearned")}
        largest = {role: float(counts.max() / counts.sum().clamp(min=1)) for role, counts in predicted.items()}
        advice = " Try a tenth of the learning rate (--model.optimizer.lr)." if self.train_splits else ""
        return class_words(measured["metrics"], images, self.num_classes, largest, bool(self.forget_classes), advice)

    def train_only(self, layers: list[str], option: str = "update") -> None:
        """Freeze the network except for some layers.

        Args:
            layers: Names of the layers to train; or ``quarter1`` to ``quarter4`` of the stages, and ``head``.
            option: Option of the method that names the layers, for the error.

        Raises:
            UserError: If a layer does not exist.
        """
        self.network.requires_grad_(False)
        for layer in resolve_layers(self.network, layers, self.num_classes):
            try:
                self.network.get_submodule(layer).requires_grad_(True)
            except AttributeError:
                names = [name for name, _ in self.network.named_children()]
                raise UserError(f"--model.{option} names no layer {layer!r}; the network's layers are {names}") from None

    def train(self, mode: bool = True) -> "ClassUnlearning":
        """Set training mode for the edited network only."""
        super().train(mode)
        self.retrained.eval()
        if self.original is not None:
            self.original.eval()
        return self

    def configure_optimizers(self) -> Any:
        """As in :class:`UnlearningModule`. Also checks the cache here, before files of an earlier run are replaced.

        Raises:
            UserError: If the requested cache cannot be used.
        """
        if self.train_splits:
            self.planned()
        return super().configure_optimizers()

    def on_train_start(self) -> None:
        """Fill the cache and print what it holds."""
        self.train()  # the modes of the layers show which are trained
        self.cache = SampleCache(self, self.planned(), self.views, self.cache_limit)
        self.cache.fill()
        rank_zero_only(print)(self.cache)
        super().on_train_start()

    def on_train_end(self) -> None:
        """Release the cache."""
        super().on_train_end()
        self.cache = self._plan = None

    def planned(self) -> Plan:
        """The plan of this run's cache."""
        if self._plan is None:
            self.train()  # the modes of the layers show which are frozen
            counts = self.images_read, self.images_backward
            self._plan = make_plan(self, self.cache_mode, self.views)
            self.images_read, self.images_backward = counts  # images that only test the plan do not count
        return self._plan

    def needs_images(self, split: str) -> bool:
        """Whether training reads the images of a split; not if it reads only cached activations."""
        return not (self.planned().trunk and split in self.planned().splits)

    def prepare(self, split: str, batch: Batch) -> Batch:
        """A training batch with its cached values."""
        return self.cache.batch(split, batch) if self.cache else batch

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W); in training, of the activations by which :meth:`prepare` replaced them."""
        tail = self.cache.tail if self.cache and self.training else None
        return self._run(tail or self.network, images)

    def teacher_outputs(self, split: str, batch: Batch) -> Tensor:
        """Outputs of frozen networks that the loss of a split reads, (B, ...).

        They must depend on each image alone and be the same in every epoch.
        """
        return self.original_logits(batch.images)

    def taught(self, split: str, batch: Batch) -> Tensor:
        """:meth:`teacher_outputs`, from the cache if they are cached."""
        return self.teacher_outputs(split, batch) if batch.teacher is None else batch.teacher

    @torch.no_grad()
    def original_logits(self, images: Tensor) -> Tensor:
        """Logits (B, K) of the original in float32, whatever the training precision."""
        original = self.cache.original if self.cache else self.original
        assert original is not None
        return self._probe(original, images)

    def batches(self, split: str) -> Iterator[Batch]:
        """Every image of a split once, in order, normalised, not augmented, on the device; for computations before training.

        Under DDP every process passes over the whole split, so that all processes compute the same.
        """
        yield from self.tracked(split, f"reading {split}")

    def tracked(self, split: str, what: str, augment: bool = False) -> Iterable[Batch]:
        """:meth:`read`, with a progress bar called ``what`` if training has one."""
        shown = self.trainer.progress_bar_callback is not None and self.trainer.is_global_zero
        total = math.ceil(len(self.data.split(split)) / self.data.batch_size)
        return track(self.read(split, augment), what, total, console=Console(), transient=True, disable=not shown)

    def read(self, split: str, augment: bool = False, at_most: int = 0) -> Iterator[Batch]:
        """:meth:`batches`, augmented if ``augment`` is set, and of at most ``at_most`` evenly spaced images (0: all)."""
        images = self.data.split(split)
        if at_most and len(images) > at_most:
            images = images.subset(images.positions[torch.linspace(0, len(images) - 1, at_most).long()])
        for pixels, labels, index in self.data.loader(images):
            on_device = pixels.to(self.device), labels.to(self.device), index.to(self.device)
            yield Batch(*self.data.prepare(on_device, augment))

    def audited(self) -> dict[str, nn.Module]:
        """The original, the edited network and the retrained models."""
        assert self.original is not None
        retrained = {f"retrained_{position}": model for position, model in enumerate(self.retrained)}
        return {"original": self.original, "unlearned": self.network, **retrained}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the models that are inputs."""
        super().on_save_checkpoint(checkpoint)
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: value for name, value in state.items() if not name.startswith(INPUTS)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back the models that are inputs."""
        super().on_load_checkpoint(checkpoint)
        inputs = {name: value for name, value in self.state_dict().items() if name.startswith(INPUTS)}
        checkpoint["state_dict"].update(inputs)

    def _require_original(self) -> None:
        path = Path(self.original_path)
        if self.original_path and (path.is_file() or (path / "config.json").is_file()):  # the latter is a Hugging Face folder
            return
        run = Path(self.original_path).parent  # runs/<configs>-<network>/original, as in the presets
        data = self.data.name if self.has_data else "digits"
        configs = run.parent.name.partition("-")[0] if run.name == "original" else data
        fault = f"original checkpoint {self.original_path} not found" if self.original_path else "no original checkpoint given"
        raise UserError(
            f"{fault}: train it with 'oro-unlearn fit --config {configs}/original.yaml', "
            "or name yours with --model.original PATH"
        )

    @staticmethod
    def _frozen(model: nn.Module) -> nn.Module:
        return deepcopy(model).requires_grad_(False).eval()
