"""Dampen the weights that matter more to the forget set than to the whole training set."""

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
from oro_unlearn.methods.unlearning_module import WithoutTraining
from oro_unlearn.networks import save_weights, tensor_hash
from oro_unlearn.user_error import UserError

STAMP = "made_for"  # name in the file, beside the parameters' names


class SSD(WithoutTraining, ClassUnlearning):
    """Selective Synaptic Dampening: theta *= min(dampening I_D / I_f, 1) where I_f > alpha I_D. No training.

    Foster et al. (AAAI 2024). The importance I(.) is the mean over batches of the squared gradient of the batch's mean
    cross-entropy, in eval mode: I_D over all training images, I_f over the forget set. As in the publication, batch means are
    squared, so I depends on the data module's ``batch_size``. Batches are shuffled, images are not augmented. Use
    ``max_epochs: 0``.

    Args:
        alpha: A weight is dampened if I_f exceeds alpha times I_D; smaller values dampen more weights.
        dampening: lambda of the paper; smaller values dampen more strongly.
        importance_file: ``.safetensors`` file that stores I_D, which does not depend on the request to forget. It is read if
            it exists, otherwise written. Empty: ``NAME.importances.safetensors`` beside the original checkpoint; it is
            rewritten if it does not fit, and skipped if it cannot be written. ``off``: I_D is computed every time.
        seed: Seed of the order of the images. None: the run's seed (``seed_everything``).
        kwargs: Arguments of :class:`ClassUnlearning`.

    Raises:
        UserError: If a named file was made for another model, batch size, seed, version or training set; pictures of another
            size, normalisation or content count as another training set.
    """

    forgets_samples = True

    def __init__(
        self, alpha: float = 10.0, dampening: float = 1.0, importance_file: str = "", seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if min(alpha, dampening) <= 0:
            raise UserError(f"--model.alpha and --model.dampening are positive, not {alpha} and {dampening}")
        self.alpha, self.dampening, self.importance_file, self.seed = alpha, dampening, importance_file, seed

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
            slopes = torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True)  # 0 for unused parameters
            for total, slope in zip(sums.values(), slopes, strict=True):
                total.add_(slope**2)
        return {name: total / -(-len(images) // self.data.batch_size) for name, total in sums.items()}

    def _trainable(self) -> dict[str, nn.Parameter]:
        """Trainable parameters by name, without fixed parameters such as a ViT's sinusoidal positions."""
        return {name: parameter for name, parameter in self.network.named_parameters() if parameter.requires_grad}

    @property
    def importance_path(self) -> Path | None:
        """The file that stores I_D; None if ``importance_file`` is ``off``."""
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
        importances = self.importances("train")
        if path is not None and self.trainer.is_global_zero:
            self._keep({**importances, STAMP: stamp}, path)
        return importances

    def _stamp(self) -> Tensor:
        """Hash, (32,) uint8, of all that I_D depends on.

        These are the weights, the images, their positions and size, the normalisation, the batch size, the order, and the
        version of the package.
        """
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
        """Write the file atomically from a temporary folder of this run, because other runs may write it at the same time."""
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
