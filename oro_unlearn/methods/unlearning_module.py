"""What every unlearning method is: a LightningModule with one hook, ``losses``."""

import random
import time
from abc import ABC, abstractmethod
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

    images: Tensor  # (B, C, H, W) float, normalised; where activations are cached, what enters the first trained layer
    labels: Tensor  # (B,) int64
    index: Tensor  # type: ignore[assignment]  # (B,) int64, position in the training (or test) set
    teacher: Tensor | None = None  # (B, ...) what frozen networks say of it, where that is cached


class UnlearningModule(LightningModule, ABC):
    """Trains on named splits and minimises the sum of named losses.

    ``train_splits`` names the splits in a training batch; they are the arguments of :meth:`losses`. A method that needs
    more overrides Lightning's own hooks and calls ``super()``: ``on_fit_start`` for a mask or a closed-form edit,
    ``on_train_epoch_start`` for phases. A method that does not train has no splits, and ``max_epochs: 0`` in its YAML.

    Args:
        optimizer: Made from the parameters that are trained.
        lr_scheduler: Made from the optimizer; stepped once an epoch.
        loader_mode: An epoch is one pass of the longest split (``max_size_cycle``, the others repeat) or of the
            shortest (``min_size``).

    Attributes:
        train_splits: As above.
        role: What the trained network is called beside others.
        report_module: Import path of the module that makes and prints the report: ``make_report`` and ``report_table``.
        batch_type: What the parts of a split's batch are, by name.
        whole_batches: Whether every process gets the whole batch, or its share.
    """

    train_splits: tuple[str, ...] = ("forget", "retain")
    role: Role = "unlearned"
    report_module: str
    batch_type: Any = Batch
    whole_batches = False

    def __init__(
        self,
        optimizer: OptimizerCallable = lambda params: SGD(params, lr=1e-3, momentum=0.9, weight_decay=5e-4),
        lr_scheduler: LRSchedulerCallable = lambda optimizer: ConstantLR(optimizer, factor=1.0),
        loader_mode: Literal["max_size_cycle", "min_size"] = "max_size_cycle",
    ) -> None:
        super().__init__()
        self.optimizer, self.lr_scheduler, self.loader_mode = optimizer, lr_scheduler, loader_mode
        self.seconds = 0.0  # that fitting took, without loading and measuring; kept in the checkpoint
        self.images_read = 0  # through any network while fitting, over all processes: no machine changes it; in the checkpoint
        self.images_backward = 0  # of these, those whose gradient was taken
        self._sharers = 1  # processes that see a part each of what is counted now
        self.last_losses: dict[str, Tensor] = {}
        self._started: float | None = None  # while fitting
        self._saved_seconds: float | None = None  # in the last checkpoint of this fit
        self._stopped_early = False  # before a stop
        self._resumed_images: tuple[int, int] | None = None  # read before a stop, forward and backward
        self._first_seed = torch.initial_seed()  # seed_everything's; training seeds every generator anew
        self._run_seed: int | None = None  # of everything that is drawn in training; kept in the checkpoint

    @property
    def data(self) -> "Data":
        """The trainer's data module; each kind of task says what its own has.

        Raises:
            UserError: If no trainer with a data module runs this method.
        """
        if not self.has_data:
            raise UserError(f"{type(self).__name__} needs a data module: run it by trainer.fit(method, datamodule=...)")
        found: Any = self._trainer
        return found.datamodule

    @property
    def has_data(self) -> bool:
        """Whether a trainer with a data module runs this method."""
        return getattr(self._trainer, "datamodule", None) is not None

    def check_data(self, data: Any) -> None:
        """Refuse data of another kind of task, before anything is read.

        Args:
            data: The data module that was named beside this method.

        Raises:
            UserError: If this method cannot use it; the message names data that it can.
        """

    @abstractmethod
    def losses(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Named terms (scalars); their sum is minimised and each is logged as ``loss/NAME``.

        Called as ``losses(**batch)``, with a batch of :attr:`batch_type` for each of :attr:`train_splits`: a method names
        these as its parameters, such as ``losses(self, forget: Batch, retain: Batch)``.
        """

    def first_look(self) -> list[str]:
        """What speaks against this run, a sentence each, seen before anything is edited; the models are loaded.

        Raises:
            UserError: If no figure could be computed from what the network returns.
        """
        return []

    def remarks(self) -> list[str]:
        """What is to be said of this run before it begins, a sentence each; the models are loaded."""
        return []

    def first_words(self) -> list[str]:
        """What a reader must know before any figure of ``measurements``, a sentence each."""
        return []

    def needs_images(self, split: str) -> bool:
        """Whether training reads the images of a split, or knows what it needs of them."""
        return True

    def prepare(self, split: str, batch: Any) -> Any:
        """A training batch of a split as :meth:`losses` gets it."""
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
        how: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": size, "sync_dist": True}
        self.log_dict(terms, **how)
        self.log("loss", total.detach(), prog_bar=True, **how)
        return total

    def counted(self, outputs: Tensor, count: int) -> Tensor:
        """Count images that went through a network while fitting, and again when a gradient comes back through its outputs.

        Args:
            outputs: What the network gave of them.
            count: Number of images, of this process.
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
        """Where batch normalisation learns, and each process sees a part of a batch."""
        learning = [type(module) for module in self.modules() if isinstance(module, _BatchNorm) and module.training]
        if self.trainer.world_size > 1 and set(learning) - {SyncBatchNorm}:
            rank_zero_warn(
                "batch normalisation sees each process's part of a batch: set --trainer.sync_batchnorm true (on GPUs) for the "
                "results of one process"
            )

    def configure_optimizers(self) -> Any:
        """Optimizer and scheduler of the parameters that are trained; none for a method without training splits."""
        if not self.train_splits:
            return None
        with options_of("--model.optimizer"):
            optimizer = self.optimizer([parameter for parameter in self.parameters() if parameter.requires_grad])
        return {"optimizer": optimizer, "lr_scheduler": self.scheduler(optimizer)}

    def scheduler(self, optimizer: Optimizer) -> Any:
        """The schedule of the learning rate, as Lightning takes it: here ``lr_scheduler``, by the epoch."""
        with options_of("--model.lr_scheduler"):
            return self.lr_scheduler(optimizer)

    def over_the_run(self, optimizer: Optimizer, shape: Shape, otherwise: str, **options: float) -> dict[str, Any]:
        """A schedule by the step over the whole run, however long it is.

        Args:
            optimizer: Its rate is the highest.
            shape: As of :func:`part_of_rate`.
            otherwise: The options that do without, for who trains without end.
            options: Of the same function.

        Raises:
            UserError: If the run has no end, where that matters.
        """
        steps = self.trainer.estimated_stepping_batches
        ends = steps < float("inf")
        if not ends and (shape != "constant" or options.get("rising")):
            raise UserError(f"a run without end has no schedule: set --trainer.max_epochs, or {otherwise}")
        return by_the_step(optimizer, max(1, int(steps)) if ends else 1, shape, **options)

    def epoch_seed(self, *numbers: int) -> int:
        """A seed for this epoch, and another for each list of further numbers of 0 or more, however long."""
        return spawned(self._run_seed or 0, EPOCHS, self.trainer.current_epoch, *numbers)

    def stream(self, purpose: str, seed: int | None = None) -> int:
        """Seed of a stream of its own, the same in every process, before a stop and after it.

        Args:
            purpose: What is drawn from it.
            seed: That was given for it; None for the run's, that is ``seed_everything``.
        """
        return stream_seed(self._first_seed if seed is None else seed, purpose)

    def on_fit_start(self) -> None:
        """Start the clock, and agree on a seed."""
        self._started = time.perf_counter()
        if self._stopped_early:
            self.trainer.should_stop = True
        if self._run_seed is None:
            seed = torch.initial_seed() % 2**63
            self._run_seed = seed if self._trainer is None else self.trainer.strategy.broadcast(seed)

    def on_train_start(self) -> None:
        """Of a run that goes on, what precedes training was counted when it began."""
        if self._resumed_images is not None:
            self.images_read, self.images_backward = self._resumed_images

    def on_train_epoch_start(self) -> None:
        """Draw from the epoch's own seed: a run that was stopped goes on exactly as one that was not."""
        seed = self.epoch_seed()
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 (what a method of the user's may draw from)
        random.seed(seed)

    def on_fit_end(self) -> None:
        """Stop the clock; what a checkpoint says stands, so that measuring it again reports the same."""
        self.seconds = self._elapsed() if self._saved_seconds is None else self._saved_seconds
        self._started = self._saved_seconds = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the cost so far, and the seed."""
        self._saved_seconds = checkpoint["seconds"] = self._elapsed()
        checkpoint["images_read"], checkpoint["run_seed"] = self.images_read, self._run_seed
        checkpoint["images_backward"] = self.images_backward
        checkpoint["stopped_early"] = bool(self._trainer and self._trainer.should_stop)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the cost so far, with the same seed."""
        self.seconds, self.images_read = checkpoint.get("seconds", 0.0), checkpoint.get("images_read", 0)
        self.images_backward = checkpoint.get("images_backward", 0)
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
        if not torch.stack([*largest, loss]).isfinite().all():  # the host waits for the device once
            raise UserError(
                f"{type(self).__name__} diverged in epoch {self.current_epoch} (NaN or infinite): "
                "lower --model.optimizer.lr; the checkpoint of the epoch before is kept"
            )
