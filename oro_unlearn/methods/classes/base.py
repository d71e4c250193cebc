"""What the methods that forget classes share: the original, the retrained models, and what may be trained."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.methods.base import Batch
from oro_unlearn.methods.classes.classifier import Classifier
from oro_unlearn.networks import load_weights

INPUTS = ("original.", "retrained.", "teacher.")  # prefixes of weights that are inputs: a checkpoint leaves them out


class ClassUnlearning(Classifier):
    """Edits a trained classifier; the original stays beside it, frozen and in eval mode.

    A method that can forget single samples as well as classes sets ``forgets_samples``.

    Args:
        original: Checkpoint of the trained classifier: ``.safetensors``, ``.pt``, ``.pth`` or ``.ckpt``.
        retrained: Checkpoints of models trained without the forgotten data, for comparison. May be empty: the reference
            columns are then left out.
        kwargs: Arguments of :class:`Classifier`.

    Raises:
        FileNotFoundError: If a checkpoint is missing.
        ValueError: If nothing is to be forgotten, or a checkpoint does not fit the network.
    """

    forgets_samples = False

    def __init__(
        self,
        original: str = "",
        retrained: list[str] = [],  # noqa: B006 (never changed; jsonargparse shows it as the default)
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not self.forget_classes and not self.forgets_samples:
            raise ValueError(
                f"the forget set is empty: {type(self).__name__} forgets whole classes; name them with --data.forget, "
                "for instance --data.forget '[0]'"
            )
        self.original_path, self.retrained_paths = original, list(retrained)
        self.original: nn.Module | None = None
        self.retrained = nn.ModuleList()

    def setup(self, stage: str) -> None:
        """Load the checkpoints, once: for ``test`` after ``fit`` the edited weights must stay."""
        if self.original is not None:
            return
        self.require_forget_set()
        self._require_original()
        load_weights(self.network, self.original_path)
        self.original = self._frozen(self.network)
        for path in self.retrained_paths:
            model = deepcopy(self.original)
            load_weights(model, path)
            self.retrained.append(self._frozen(model))
        self.choose_parameters()

    def choose_parameters(self) -> None:
        """Freeze what the method does not train, or add adapters; called once, after the original is loaded."""

    def train_only(self, layers: list[str], option: str = "update") -> None:
        """Freeze the network but for some layers.

        Args:
            layers: Their names.
            option: Option of the method that names them, for the error.

        Raises:
            ValueError: If one of them does not exist.
        """
        self.network.requires_grad_(False)
        for layer in layers:
            try:
                self.network.get_submodule(layer).requires_grad_(True)
            except AttributeError:
                names = [name for name, _ in self.network.named_children()]
                raise ValueError(f"--model.{option} names no layer {layer!r}; the network's layers are {names}") from None

    def train(self, mode: bool = True) -> "ClassUnlearning":
        """Training mode for the edited network alone."""
        super().train(mode)
        self.retrained.eval()
        if self.original is not None:
            self.original.eval()
        return self

    @torch.no_grad()
    def original_logits(self, images: Tensor) -> Tensor:
        """Logits (B, K) of the original in fp32, under any training precision."""
        assert self.original is not None
        return self._probe(self.original, images)

    def batches(self, split: str) -> Iterator[Batch]:
        """Every image of a split once, in order, normalised and not augmented, on the device: for what precedes training.

        Under DDP every process passes over all of it, so that all compute the same.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        for images, labels, index in data.loader(data.split(split)):
            self.images_read += len(images)
            pixels = images.to(self.device).float().div(255)
            yield Batch(data.normalise(pixels), labels.to(self.device), index.to(self.device))

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
        if self.original_path and Path(self.original_path).is_file():
            return
        run = Path(self.original_path).parent  # runs/<configs>-<network>/original, as our YAMLs have it
        data = getattr(getattr(self.trainer, "datamodule", None), "name", "digits")
        configs = run.parent.name.partition("-")[0] if run.name == "original" else data
        found = f"original checkpoint {self.original_path} not found" if self.original_path else "no original checkpoint given"
        raise FileNotFoundError(
            f"{found}: train it with 'oro-unlearn fit --config lightning_configs/{configs}/original.yaml', "
            "or name yours with --model.original PATH"
        )

    @staticmethod
    def _frozen(model: nn.Module) -> nn.Module:
        return deepcopy(model).requires_grad_(False).eval()
