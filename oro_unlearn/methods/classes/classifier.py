"""An image classifier that is trained or edited, and then measured."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from oro_unlearn.methods.classes.class_audit import ClassAudit
from oro_unlearn.methods.classes.first_look import checked_logits
from oro_unlearn.methods.unlearning_module import UnlearningModule
from oro_unlearn.metrics import nearest_class
from oro_unlearn.networks import InputAdapter, NetworkFactory, build_network, fold_adapters, logits_of, save_weights
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import LabelledData


class Classifier(UnlearningModule):
    """An image classifier of K classes, and its measurement against other models.

    Args:
        network: Constructor of the network: a name (``ResNet18``, ``timm:NAME``, ``torchvision:NAME``, ``hf:FOLDER``), the
            import path of a class or function, or either as ``class_path`` with ``init_args``. It gets ``num_classes`` if it
            has this parameter.
        num_classes: Number of classes K; the command line fills it from the data.
        forget_classes: Indices of the forgotten classes; the command line fills it from the data.
        batchnorm: Statistics of batch normalisation in training. ``train``: it uses the batch's statistics and updates the
            stored ones. ``eval``: it uses the stored statistics. Layers that are not trained always use the stored ones.
        channels_last: Store weights and images channels-last: same result, faster convolutions. Networks with a strided 1x1
            convolution of fewer than 16 input channels keep the default layout, because PyTorch's CPU kernel crashes on them.
        compile: Backend of ``torch.compile`` for the forward pass of training steps, for instance ``inductor``. Empty: no
            compilation. Only the sizes of each epoch's first batch are compiled, not a smaller last batch, and no evaluation.
        kwargs: Arguments of :class:`UnlearningModule`.

    Raises:
        UserError: If the number of classes is not known or differs from the network's, or the backend does not exist.
    """

    report_module = "oro_unlearn.report.class_report"

    def __init__(
        self,
        network: NetworkFactory,
        num_classes: int,
        forget_classes: list[int] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        batchnorm: Literal["train", "eval"] = "train",
        channels_last: bool = True,
        compile: str = "",  # noqa: A002 (as torch calls it)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes is None:
            raise UserError(
                "the number of classes is not known: choose labelled pictures such as --data Digits or --data ImageFolder, or "
                "give your data module a num_classes"
            )
        self._make_network = partial(build_network, network, num_classes)
        self.network = self._make_network()
        self.num_classes, self.forget_classes, self.batchnorm = num_classes, list(forget_classes or []), batchnorm
        self.memory_format = _memory_format(self.network, channels_last)
        self.network = self.network.to(memory_format=self.memory_format)
        self.measurements: dict[str, Any] = {}
        self.compile_backend = _known_backend(compile)
        self._compiled: dict[Any, Callable[[Tensor], Tensor]] = {}  # by network; a dict, so that these are no submodules
        self._sizes: set[torch.Size] = set()  # image shapes for which the network is compiled
        self._first_batch = False

    def check_data(self, data: Any) -> None:
        """Reject data without labelled pictures.

        Raises:
            UserError: If the data module has no names of classes.
        """
        if "class_names" not in dir(data):
            kinds = f"{type(self).__name__} is for labelled pictures, and {type(data).__name__} has none"
            raise UserError(f"{kinds}: choose --data Digits, CIFAR10, ImageFolder or another set of pictures")

    @property
    def data(self) -> "LabelledData":
        """The trainer's data module."""
        return cast("LabelledData", super().data)

    def fresh_network(self, purpose: str = "fresh weights") -> nn.Module:
        """A newly built network, on the CPU, with weights drawn from a separate random stream.

        These weights differ from the initial weights of a model that was trained with the same seed.

        Args:
            purpose: Name of the random stream.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.stream(purpose))
            return deepcopy(self._make_network())

    def require_forget_set(self) -> None:
        """Check that there is something to forget.

        Raises:
            UserError: If the forget set is empty.
        """
        if self.has_data and not len(self.data.split("forget")):  # without a trainer there is no data to check
            raise UserError(f"the forget set is empty: {self.data.how_to_name}")

    @torch.no_grad()
    def first_look(self) -> list[str]:
        """Check what the network returns for a few images."""
        self.eval()
        images = self.data.normalise(self.example_images()).to(self.device).to(self.dtype)
        checked_logits(self._probe(self.network, images), images, self.num_classes, self.network)
        return []

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        return self._run(self.network, images)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Note whether this is the epoch's first batch, whose sizes are compiled."""
        self._first_batch = batch_idx == 0

    def _run(self, network: nn.Module, images: Tensor) -> Tensor:
        """Logits of a network; counts the images."""
        return self.counted(self._logits(network, self.laid_out(images.to(self.dtype))), len(images))

    def _logits(self, network: nn.Module, images: Tensor) -> Tensor:
        """Logits of a network; in training steps of its compiled form, if a backend is set and the size is compiled."""
        if not (self.compile_backend and self.training) or _is_read(network):
            return logits_of(network(images))
        if self._first_batch:
            self._sizes.add(images.shape)
        if images.shape not in self._sizes:
            return logits_of(network(images))
        if network not in self._compiled:
            self._compiled[network] = torch.compile(network, backend=self.compile_backend, dynamic=False)
        return logits_of(self._compiled[network](images))

    def laid_out(self, images: Tensor) -> Tensor:
        """Images or feature maps (B, C, H, W) in the network's memory format; vectors (B, D) are returned unchanged."""
        return images.contiguous(memory_format=self.memory_format) if images.ndim == 4 else images

    def train(self, mode: bool = True) -> "Classifier":
        """Set training mode; batch normalisation follows ``batchnorm``."""
        super().train(mode)
        everything = all(parameter.requires_grad for parameter in self.network.parameters())
        for module in self.network.modules() if mode else []:
            if isinstance(module, _BatchNorm):  # a layer without weights counts as trained if the whole network is
                trained = everything or any(parameter.requires_grad for parameter in module.parameters())
                module.train(trained and self.batchnorm == "train")
        return self

    def on_train_epoch_start(self) -> None:
        """Set the training modes again, because Lightning keeps the modes it finds."""
        super().on_train_epoch_start()
        self.train()

    def audited(self) -> dict[str, nn.Module]:
        """Models to measure side by side, by role; retrained ones are ``retrained_0``, ``retrained_1``, ..."""
        return {"retrained_0" if self.role == "retrained" else self.role: self.network}

    def on_test_start(self) -> None:
        """Prepare one audit for each model, in float32 whatever the training precision was."""
        self.float()
        self._held: list[tuple[dict[str, Tensor], Tensor]] = []  # batches of test_forget: logits by model, and labels
        self._audits: Any = None

    @property
    def _audit_device(self) -> torch.device:
        """Device of the audits: sums are float64, which Apple's GPUs do not support."""
        return torch.device("cpu") if self.device.type == "mps" else self.device

    def _start_audits(self) -> None:
        """Choose the nearest classes by the forgotten test images, then start the audits and feed them these images."""
        self._neighbours = self._nearest_classes()
        now = set(self.data.requested_classes if self.has_data else self.forget_classes)
        known = (self.num_classes, self.forget_classes, self._neighbours, sorted(set(self.forget_classes) - now))
        audits = {name: ClassAudit(*known) for name in self.audited()}
        self._audits = nn.ModuleDict(audits).to(self._audit_device)
        for logits, labels in self._held:
            self._feed("test_forget", logits, labels)
        self._held = []

    def _nearest_classes(self) -> dict[int, int]:
        """Nearest retained class of each forgotten class, by the mean probabilities of its test images.

        The probabilities are those of the retrained models. Without retrained models, they are the original's softmax over
        the retained classes.
        """
        if self.num_classes - len(self.forget_classes) < 2:
            return {}  # with a single retained class, the attack has no two classes to distinguish
        sums = torch.zeros(self.num_classes, self.num_classes, dtype=torch.float64, device=self._audit_device)
        for logits, labels in self._held:
            retrained = [value for name, value in logits.items() if name.startswith("retrained")]
            first = next(iter(logits.values())).clone()
            first[:, self.forget_classes] = -torch.inf
            for value in retrained or [first]:
                sums.index_add_(0, labels, value.softmax(1).double())
        sums = self.trainer.strategy.reduce(sums, reduce_op="sum")
        seen = [label for label in self.forget_classes if sums[label].any()]
        return {label: nearest_class(sums[label], self.forget_classes) for label in seen}

    def _probe(self, model: nn.Module, images: Tensor) -> Tensor:
        """Logits (B, K) in float32, which confidences near 1 need, whatever the training precision; counted while fitting."""
        with torch.autocast(self.device.type, enabled=False):
            return self.counted(logits_of(model(self.laid_out(images))).float(), len(images))

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Run every model once on the batch and feed the audits; logits of ``test_forget``, the first split, are held back."""
        images, labels, _ = batch
        loaders: Any = self.trainer.test_dataloaders
        split, labels = list(loaders)[dataloader_idx], labels.to(self._audit_device)
        logits = {name: self._probe(model, images).to(self._audit_device) for name, model in self.audited().items()}
        if split == "test_forget":
            self._held.append((logits, labels))
            return
        if self._audits is None:
            self._start_audits()
        self._feed(split, logits, labels)

    def _feed(self, split: str, logits: dict[str, Tensor], labels: Tensor) -> None:
        for name, audit in self._audits.items():
            retrained = [value for other, value in logits.items() if other.startswith("retrained") and other != name]
            audit.update(split, logits[name], labels, retrained, logits.get("original") if name == "unlearned" else None)

    def on_test_epoch_end(self) -> None:
        """Collect ``measurements``: figures, test confusion matrices and confidences by model, and the nearest classes."""
        if self._audits is None:  # the test loaders held only forgotten test images
            self._start_audits()
        self.measurements = {
            "metrics": {name: audit.compute() for name, audit in self._audits.items()},
            "confusion": {name: audit.confusion_matrix().tolist() for name, audit in self._audits.items()},
            "confidences": {name: audit.confidence_counts() for name, audit in self._audits.items()},
            "neighbours": self._neighbours,
        }

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write ``model.safetensors``: a plain state dict of the network without adapters, with ``notes`` as metadata."""
        save_weights(self.export(), root / "model.safetensors", notes)

    def export(self) -> nn.Module:
        """The edited network in its original architecture, in eval mode on the CPU; adapters are folded in."""
        network = deepcopy(self.network).eval().cpu().float()
        if any(isinstance(module, InputAdapter) for module in network.modules()):
            fold_adapters(network, self.example_images())
        return network

    def example_images(self) -> Tensor:
        """A few retained images (B, C, H, W) on the CPU, as example inputs of a network."""
        retain = self.data.split("retain")
        return torch.stack([retain[position][0] for position in range(min(4, len(retain)))]).float() / 255


def _known_backend(name: str) -> str:
    if name and name not in torch.compiler.list_backends(exclude_tags=()):
        known = ", ".join(torch.compiler.list_backends())
        raise UserError(f"--model.compile {name!r} is not a backend of torch.compile; these are: {known}")
    return name


def _memory_format(network: nn.Module, channels_last: bool) -> torch.memory_format:
    """Channels-last, except where oneDNN (torch 2.14) writes past its buffer in the backward pass: below a vector's length."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    crashes = any(max(layer.stride) > 1 and max(layer.kernel_size) == 1 and layer.in_channels < 16 for layer in convolutions)
    return torch.channels_last if channels_last and not crashes else torch.contiguous_format


def _is_read(network: nn.Module) -> bool:
    """Whether the network has hooks: torch.compile would keep the hooks of the first step for all later steps."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
