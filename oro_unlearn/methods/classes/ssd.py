"""Dampening the weights that matter to the forget set more than to the rest."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import oro_unlearn
from oro_unlearn.files import replacing_in, sha256_of
from oro_unlearn.methods.classes.class_unlearning import ClassUnlearning
from oro_unlearn.methods.unlearning_module import Batch
from oro_unlearn.networks import save_weights, tensor_hash
from oro_unlearn.user_error import UserError

STAMP = "made_for"  # name in the file, beside the parameters' names


class SSD(ClassUnlearning):
    """Selective Synaptic Dampening: theta *= min(dampening I_D / I_f, 1) where I_f > alpha I_D. No training.

    Foster et al. (AAAI 2024). I(.) is the mean over batches of the squared gradient of the batch's mean cross-entropy, in
    eval mode: of all training images (D) and of the forget set (f). As published it squares batch means, so it depends
    on the data module's ``batch_size``. Batches are shuffled, images not augmented. Use ``max_epochs: 0``.

    Args:
        alpha: How much more a weight must matter to the forget set to be dampened; smaller ones dampen more weights.
        dampening: lambda; smaller ones dampen more strongly.
        importance_file: ``.safetensors`` file that keeps I_D, which no request to forget changes: written if it is not
            there, read if it is. Empty: ``NAME.importances.safetensors`` beside the original checkpoint, written anew where it
            does not fit and left out where nothing can be written. ``off``: computed every time.
        seed: Of the order of the images; the run's (``seed_everything``) where none is given.
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If a file that is named was made for another model, batch size, seed, version or training set; pictures of
            another size, normalisation or content are another one.
    """

    forgets_samples = True
    train_splits = ()

    def __init__(
        self, alpha: float = 10.0, dampening: float = 1.0, importance_file: str = "", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if min(alpha, dampening) <= 0:
            raise UserError(f"alpha and dampening are positive, not {alpha} and {dampening}")
        self.alpha, self.dampening, self.importance_file, self.seed = alpha, dampening, importance_file, seed

    def losses(self, **batch: Batch) -> dict[str, Tensor]:
        """Nothing is trained."""
        return {}

    def on_fit_start(self) -> None:
        """Dampen the weights."""
        super().on_fit_start()
        self.eval()
        everything, forgotten = self._importances_of_all(), self.importances("forget")
        for name, parameter in self._trainable().items():
            ratio = self.dampening * everything[name] / forgotten[name]
            chosen = forgotten[name] > self.alpha * everything[name]
            parameter.data.mul_(torch.where(chosen, ratio.clamp(max=1), 1))

    def importances(self, split: str) -> dict[str, Tensor]:
        """I by parameter name: mean over the split's batches of the squared gradient."""
        images, order = self.data.split(split), torch.Generator().manual_seed(self.stream("order", self.seed))
        self.data.add_split("shuffled", images.subset(images.positions[torch.randperm(len(images), generator=order)]))
        parameters = self._trainable()
        sums = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
        for batch in self.batches("shuffled"):
            loss = cross_entropy(self(batch.images).float(), batch.labels)
            if not loss.requires_grad:
                name = type(self.network).__name__
                raise UserError(
                    f"SSD weighs gradients, and no parameter of {name} takes part in one: choose another --model.network"
                )
            slopes = torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True)  # 0 where it is not used
            for total, slope in zip(sums.values(), slopes, strict=True):
                total.add_(slope**2)
        return {name: total / -(-len(images) // self.data.batch_size) for name, total in sums.items()}

    def _trainable(self) -> dict[str, nn.Parameter]:
        """Without fixed ones, such as a ViT's sinusoidal positions."""
        return {name: parameter for name, parameter in self.network.named_parameters() if parameter.requires_grad}

    @property
    def importance_path(self) -> Path | None:
        """The file that keeps I_D; None if nothing does."""
        if self.importance_file == "off":
            return None
        original = Path(self.original_path)
        return Path(self.importance_file or original.with_name(f"{original.stem}.importances.safetensors"))

    def _importances_of_all(self) -> dict[str, Tensor]:
        path, stamp = self.importance_path, self._stamp()
        if path is not None and path.is_file():
            try:
                return self._read(path, stamp)
            except ValueError:
                if self.importance_file:
                    raise
        found = self.importances("train")
        if path is not None and self.trainer.is_global_zero:
            self._keep({**found, STAMP: stamp}, path)
        return found

    def _stamp(self) -> Tensor:
        """Hash, (32,) uint8, of what I_D depends on: weights, images and which of them, size, normalisation, batches."""
        images = self.data.split("train")
        size = tuple(images[0][0].shape) if len(images) else ()
        parts: list[Any] = [
            tensor_hash(self.network.state_dict()),
            images.sha256(),
            tensor_hash({"positions": images.positions}),
            size,
        ]
        ends = torch.stack([torch.zeros(size[:1]), torch.ones(size[:1])])[..., None, None] if size else torch.zeros(0)
        parts += [
            self.data.normalise(ends).flatten().tolist(),
            self.data.batch_size,
            self.stream("order", self.seed),
            oro_unlearn.__version__,
        ]
        return torch.tensor(list(bytes.fromhex(sha256_of([repr(parts)]))), dtype=torch.uint8)

    def _keep(self, values: dict[str, Tensor], path: Path) -> None:
        """Write the file in one step, from a folder of this run's own: others may do the same at the same time."""
        try:
            with replacing_in(path.parent, [path.name], ".importances-") as folder:
                save_weights(values, folder / path.name)
        except (OSError, SafetensorError):
            if self.importance_file:
                raise

    def _read(self, path: Path, stamp: Tensor) -> dict[str, Tensor]:
        try:
            stored = load_file(path, device=str(self.device))
        except SafetensorError as error:
            raise UserError(f"{path} cannot be read as importances: {error}; delete it") from None
        expected = {name: parameter.shape for name, parameter in self._trainable().items()}
        fits = torch.equal(stored.pop(STAMP, torch.zeros(0)).cpu(), stamp)
        if {name: value.shape for name, value in stored.items()} != expected or not fits:
            raise UserError(
                f"{path} was made for another original, batch size, seed, version or training set (pictures, their size or "
                "normalisation): delete it, or name another with --model.importance_file"
            )
        return stored
