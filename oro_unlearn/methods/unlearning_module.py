"""Base class of every unlearning method: a LightningModule with one hook, ``losses``."""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.nn import SyncBatchNorm
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import ConstantLR

from oro_unlearn.methods.schedules import Shape, by_the_step
from oro_unlearn.methods.seeds import EPOCHS, spawned, stream_seed
from oro_unlearn.user_error import UserError, options_of

if TYPE_CHECKING:
    from oro_unlearn.data.contract import Data

Role = Literal["original", "retrained", "unlearned"]


class Batch(NamedTuple):
    """A batch of one split."""

    images: Tensor  # (B, C, H, W) float, normalised; if activations are cached: the inputs of the first trained layer
    labels: Tensor  # (B,) int64
    index: Tensor  # type: ignore[assignment]  # (B,) int64, position in the training (or test) set
    teacher: Tensor | None = None  # (B, ...) outputs of frozen networks for these images, if they are cached


class UnlearningModule(LightningModule, ABC):
    """Trains on named splits and minimises the sum of named losses.

    ``train_splits`` names the splits in a training batch; they are the arguments of :meth:`losses`. A method that needs
    more overrides Lightning's hooks and calls ``super()``: ``on_fit_start`` for a mask or a closed-form edit,
    ``on_train_epoch_start`` for phases. A method that does not train has no splits, and ``max_epochs: 0`` in its YAML.

    Args:
        optimizer: Makes the optimizer from the trained parameters.
        lr_scheduler: Makes the learning rate schedule from the optimizer; it is stepped once per epoch.
        loader_mode: An epoch is one pass over the longest split (``max_size_cycle``: shorter splits repeat) or over the
            shortest split (``min_size``).

    Attributes:
        train_splits: Names of the splits in a training batch.
        role: Name of the trained network in a report that compares several networks.
        report_module: Import path of the module that makes and prints the report: ``make_report``, ``report_table`` and
            ``make_page``.
        batch_type: NamedTuple that names the tensors in a split's batch.
        whole_batches: Whether every process gets the whole batch. If not, each process gets its share.
        attacks: How much the red team tries at the end of a run: ``none``, ``quick`` or ``full``.
        continues: Whether the next fit goes on from a checkpoint. The command line says so before the trainer reads the
            checkpoint, so that nothing is searched that is in it.
    """

    train_splits: tuple[str, ...] = ("forget", "retain")
    role: Role = "unlearned"
    report_module: str
    batch_type: Any = Batch
    whole_batches = False
    attacks: Literal["none", "quick", "full"] = "none"
    continues = False

    def __init__(
        self,
        optimizer: OptimizerCallable = lambda params: SGD(params, lr=1e-3, momentum=0.9, weight_decay=5e-4),
        lr_scheduler: LRSchedulerCallable = lambda optimizer: ConstantLR(optimizer, factor=1.0),
        loader_mode: Literal["max_size_cycle", "min_size"] = "max_size_cycle",
    ) -> None:
        super().__init__()
        self.optimizer, self.lr_scheduler, self.loader_mode = optimizer, lr_scheduler, loader_mode
        self.seconds = 0.0  # duration of fitting, without loading and measuring; kept in the checkpoint
        # images through any network while fitting, over all processes; the same on every machine; kept in the checkpoint
        self.images_read = 0
        self.images_backward = 0  # images of these whose gradient was computed
        self._sharers = 1  # number of processes among which the batch that is counted now is divided
        self.costs: dict[str, float] = {}  # seconds of parts of ``seconds``, by name; kept in the checkpoint
        self.last_losses: dict[str, Tensor] = {}
        self._started: float | None = None  # start time; None while nothing is fitted
        self._saved_seconds: float | None = None  # ``seconds`` in the last checkpoint of this fit
        self._stopped_early = False  # whether the run of the loaded checkpoint had already stopped early
        self._resumed_images: tuple[int, int] | None = None  # images_read and images_backward of the loaded checkpoint
        self._first_seed = torch.initial_seed()  # from seed_everything; training seeds every generator again
        self._run_seed: int | None = None  # seed of all random numbers in training; kept in the checkpoint

    @property
    def data(self) -> "Data":
        """The trainer's data module; subclasses narrow its type to their kind of task.

        Raises:
            UserError: If no trainer with a data module runs this method.
        """
        if not self.has_data:
            raise UserError(f"{type(self).__name__} needs a data module: run it by trainer.fit(method, datamodule=...)")
        trainer: Any = self._trainer
        return trainer.datamodule

    @property
    def has_data(self) -> bool:
        """Whether a trainer with a data module runs this method."""
        return getattr(self._trainer, "datamodule", None) is not None

    def check_data(self, data: Any) -> None:
        """Reject data of another kind of task before anything is read.

        Args:
            data: The data module that the configuration names beside this method.

        Raises:
            UserError: If this method cannot use the data module; the message names data modules that it can use.
        """

    @abstractmethod
    def losses(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Named terms (scalars); their sum is minimised and each is logged as ``loss/NAME``.

        Called as ``losses(**batch)``, with a batch of :attr:`batch_type` for each of :attr:`train_splits`. A method has a
        parameter for each split, such as ``losses(self, forget: Batch, retain: Batch)``.
        """

    def first_look(self) -> list[str]:
        """Problems that should stop this run, one sentence each. Called after the models are loaded and before any edit.

        Raises:
            UserError: If no figure could be computed from the network's outputs.
        """
        return []

    def before_loading(self) -> list[str]:
        """Remarks that are printed before the models are loaded, one sentence each. Called after the data are read."""
        return []

    def remarks(self) -> list[str]:
        """Remarks that are printed before the run begins, one sentence each. Called after the models are loaded."""
        return []

    def first_words(self) -> list[str]:
        """Problems that the report states before any figure of ``measurements``, one sentence each."""
        return []

    def needs_images(self, split: str) -> bool:
        """Whether training reads the images of a split; not if all that it needs of them is cached."""
        return True

    def prepare(self, split: str, batch: Any) -> Any:
        """The batch of a split that :meth:`losses` gets, made from the batch that was read."""
        return batch

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """The sum of the losses."""
        if batch_idx == 0 and self.current_epoch == 0:
            self._warn_of_statistics()
        self._sharers = 1 if self.whole_batches else self.trainer.world_size
        losses = self.losses(**{name: self.prepare(name, self.batch_type(*parts)) for name, parts in batch.items()})
        self._sharers = 1
        total = torch.stack(list(losses.values())).sum()
        self.last_losses = {name: value.detach() for name, value in losses.items()}
        terms = {f"loss/{name}": value for name, value in self.last_losses.items()}
        size = sum(len(parts[-1]) for parts in batch.values())
        log_options: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": size, "sync_dist": True}
        self.log_dict(terms, **log_options)
        self.log("loss", total.detach(), prog_bar=True, **log_options)
        return total

    def counted(self, outputs: Tensor, count: int) -> Tensor:
        """Count the images that a network processes while fitting, and again when a gradient flows back through its outputs.

        Args:
            outputs: Outputs of the network for these images.
            count: Number of images in this process.
        """
        if self._started is None:
            return outputs
        seen = count * self._sharers
        self.images_read += seen
        if outputs.requires_grad:
            outputs.register_hook(lambda _: self._count_backward(seen))
        return outputs

    def _count_backward(self, seen: int) -> None:
        self.images_backward += seen

    def _warn_of_statistics(self) -> None:
        """Warn if batch normalisation updates its statistics while each process sees only its part of a batch."""
        learning = [type(module) for module in self.modules() if isinstance(module, _BatchNorm) and module.training]
        if self.trainer.world_size > 1 and set(learning) - {SyncBatchNorm}:
            rank_zero_warn(
                "batch normalisation sees each process's part of a batch: set --trainer.sync_batchnorm true (on GPUs) for the "
                "results of one process"
            )

    def configure_optimizers(self) -> Any:
        """Optimizer and scheduler of the trained parameters; None for a method without training splits."""
        if not self.train_splits:
            return None
        with options_of("--model.optimizer"):
            optimizer = self.optimizer([parameter for parameter in self.parameters() if parameter.requires_grad])
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer)}

    def scheduler(self, optimizer: Optimizer) -> Any:
        """The learning rate schedule in Lightning's format: here ``lr_scheduler``, which is stepped once per epoch."""
        with options_of("--model.lr_scheduler"):
            return self.lr_scheduler(optimizer)

    def over_the_run(self, optimizer: Optimizer, shape: Shape, otherwise: str, **options: float) -> dict[str, Any]:
        """A schedule that is updated at every step and spans the whole run, whatever its length.

        Args:
            optimizer: Its learning rate is the highest rate of the schedule.
            shape: Argument of :func:`part_of_rate`.
            otherwise: Options that the error names: with them, a run without end needs no such schedule.
            options: Further arguments of :func:`part_of_rate`.

        Raises:
            UserError: If the run has no end and the schedule depends on its length.
        """
        steps = self.trainer.estimated_stepping_batches
        ends = steps < float("inf")
        if not ends and (shape != "constant" or options.get("rising")):
            raise UserError(f"a run without end has no schedule: set --trainer.max_epochs, or {otherwise}")
        return by_the_step(optimizer, max(1, int(steps)) if ends else 1, shape, **options)

    def epoch_seed(self, *numbers: int) -> int:
        """A seed for this epoch. Each list of further numbers, all 0 or more, of any length, gives another seed."""
        return spawned(self._run_seed or 0, EPOCHS, self.trainer.current_epoch, *numbers)

    def stream(self, purpose: str, seed: int | None = None) -> int:
        """Seed of a separate random stream; it is the same in every process, and in a resumed run.

        Args:
            purpose: Name of what is drawn, such as ``noise``.
            seed: Seed that the user gave for this stream. None: the run's seed (``seed_everything``).
        """
        return stream_seed(self._first_seed if seed is None else seed, purpose)

    def on_fit_start(self) -> None:
        """Start the clock and share one seed among all processes."""
        self._started = time.perf_counter()
        if self._stopped_early:
            self.trainer.should_stop = True
        if self._run_seed is None:
            seed = torch.initial_seed() % 2**63
            self._run_seed = seed if self._trainer is None else self.trainer.strategy.broadcast(seed)

    @property
    def resumed(self) -> bool:
        """Whether the weights are those of a loaded checkpoint of a run."""
        return self._resumed_images is not None

    @contextmanager
    def timed(self, cost: str) -> Iterator[None]:
        """Add the duration of the block to ``costs``, and to ``seconds`` if it runs before the fit starts the clock.

        Images count in the block, too.

        Args:
            cost: Name in ``costs``.
        """
        began, running = time.perf_counter(), self._started
        self._started = running or began
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.costs[cost] = spent
            if running is None:
                self._started, self.seconds = None, self.seconds + spent

    def on_train_start(self) -> None:
        """In a resumed run, restore the counts of the checkpoint: the passes before training were counted in the first run."""
        if self._resumed_images is not None:
            self.images_read, self.images_backward = self._resumed_images

    def on_train_epoch_start(self) -> None:
        """Seed every generator with the epoch's seed, so that a resumed run gives the same result as an uninterrupted one."""
        seed = self.epoch_seed()
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 (a user's method may draw from it)
        random.seed(seed)

    def on_fit_end(self) -> None:
        """Stop the clock. The time stored in the last checkpoint takes precedence: measuring it later reports the same time."""
        self.seconds = self._elapsed() if self._saved_seconds is None else self._saved_seconds
        self._started = self._saved_seconds = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the cost so far and the seed."""
        self._saved_seconds = checkpoint["seconds"] = self._elapsed()
        checkpoint["images_read"], checkpoint["run_seed"] = self.images_read, self._run_seed
        checkpoint["images_backward"], checkpoint["costs"] = self.images_backward, self.costs
        checkpoint["stopped_early"] = bool(self._trainer and self._trainer.should_stop)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the cost so far and the seed."""
        self.seconds, self.images_read = checkpoint.get("seconds", 0.0), checkpoint.get("images_read", 0)
        self.images_backward, self.costs = checkpoint.get("images_backward", 0), checkpoint.get("costs", {})
        self._run_seed, self._resumed_images = checkpoint.get("run_seed"), (self.images_read, self.images_backward)
        self._stopped_early = checkpoint.get("stopped_early", False)

    def _elapsed(self) -> float:
        return self.seconds + (0.0 if self._started is None else time.perf_counter() - self._started)

    def on_train_epoch_end(self) -> None:
        """Stop before a checkpoint of NaN is written.

        Raises:
            UserError: If the loss is no longer finite.
        """
        loss = self.trainer.callback_metrics.get("loss", torch.tensor(0.0)).to(self.device)
        largest = torch._foreach_norm([p.detach() for p in self.parameters() if p.requires_grad], float("inf"))
        if not torch.stack([*largest, loss]).isfinite().all():  # one test, so that the host waits for the device only once
            raise UserError(
                f"{type(self).__name__} diverged in epoch {self.current_epoch} (NaN or infinite): "
                "lower --model.optimizer.lr; the checkpoint of the epoch before is kept"
            )


class WithoutTraining:
    """First base class of methods that train nothing: they edit when the fit begins, or only measure. Use ``max_epochs: 0``."""

    train_splits: tuple[str, ...] = ()

    def losses(self, **batch: Any) -> dict[str, Tensor]:
        """Nothing is trained."""
        return {}
