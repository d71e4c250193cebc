"""Estimates how much memory the training of a vision-language model takes, from its configuration alone."""

from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from oro_unlearn.networks.vision_language.feed_forward import Tower, find_towers
from oro_unlearn.networks.vision_language.loading import DTYPES, config_of
from oro_unlearn.user_error import UserError

FOUR_BITS = 0.5 + 4 / 64  # bytes of a weight in nf4: 4 bits, and one float32 scale for 64 weights
ADAPTER_BYTES = 4  # peft holds adapters in float32
FLOAT = 4  # bytes of the logits in the loss
GIB = 1 << 30
Trained = Literal["all", "lora", "none"]


class Memory(NamedTuple):
    """Bytes by what takes them.

    Attributes:
        weights: The model's weights, and those of its adapter.
        frozen: Further frozen copies of the model: the original, retrained models.
        gradients: Of all that trains.
        optimizer: The two moments of AdamW, in the type of what trains.
        activations: What the backward pass reads, roughly.
        logits: Logits in the model's type and in float32, and their gradients.
    """

    weights: int
    frozen: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All bytes. The allocator and the CUDA context take about 1 GiB more."""
        return sum(self)

    def lines(self) -> list[str]:
        """One line for each part, and one for the whole, in GiB."""
        parts = {**self._asdict(), "total": self.total}
        return [f"{name:<12}{value / GIB:8.2f} GiB" for name, value in parts.items()]


def training_memory(
    name: str,
    train: Trained = "all",
    rank: int = 8,
    dtype: str = "float32",
    load_in_4bit: bool = False,
    gradient_checkpointing: bool = False,
    batch_size: int = 4,
    tokens: int = 700,
    patches: int = 0,
    frozen_copies: int = 1,
) -> Memory:
    """Estimate the memory of a training step with AdamW. No weights are read, and none are made.

    The parts of weights, gradients and optimizer are exact. Activations are those of every Linear of the blocks, input and
    output; attention is taken not to store its matrix.

    Args:
        name: As in :class:`~oro_unlearn.networks.VisionLanguage`; ``config.json`` is enough.
        train: ``all`` weights, adapters (``lora``) on every Linear of the blocks, or ``none``: next to nothing.
        rank: Rank of the adapters.
        dtype: Of the weights.
        load_in_4bit: Linears of the frozen weights in 4 bits.
        gradient_checkpointing: Keep the input of each block, and compute the rest again.
        batch_size: Questions in a step, on one device.
        tokens: Tokens of a question with its answer and its picture.
        patches: Patches of a picture in the vision tower. 0: as the configuration says.
        frozen_copies: Further models of the same size that are held frozen.

    Raises:
        UserError: If there is no such configuration, an option is out of range, or all weights train in 4 bits.
    """
    _check(train, dtype, load_in_4bit, (rank, batch_size, tokens))
    model = _without_weights(name)
    text, vision = find_towers(model)
    width, frozen = DTYPES[dtype].itemsize, _weight_bytes(model, DTYPES[dtype].itemsize, load_in_4bit)
    if train == "lora":
        layers = [*_linears(model, text), *_linears(model, vision)]
        trained = ADAPTER_BYTES * rank * sum(layer.in_features + layer.out_features for layer in layers)
    else:
        trained = frozen if train == "all" else 0
    patches = patches or _patches(model.config)
    of_text, of_vision = (_values(model, tower, gradient_checkpointing) for tower in (text, vision))
    vocabulary = model.get_output_embeddings().out_features
    return Memory(
        weights=frozen + trained if train == "lora" else frozen,
        frozen=frozen_copies * frozen,
        gradients=trained,
        optimizer=2 * trained,
        activations=batch_size * (tokens * of_text + patches * of_vision) * width,
        logits=batch_size * tokens * vocabulary * 2 * (width + FLOAT),
    )


def _check(train: str, dtype: str, load_in_4bit: bool, counts: tuple[int, ...]) -> None:
    if train not in ("all", "lora", "none") or dtype not in DTYPES or min(counts) < 1:
        raise UserError(
            f"train must be all, lora or none, dtype one of {', '.join(DTYPES)}, and rank, batch_size and tokens 1 or more: "
            f"got {train}, {dtype}, {', '.join(map(str, counts))}"
        )
    if load_in_4bit and train == "all":
        raise UserError("weights of 4 bits cannot train: choose lora, or load_in_4bit=false")


def _without_weights(name: str) -> Any:
    """The architecture on the meta device, which holds shapes alone."""
    from transformers import AutoModelForImageTextToText

    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config_of(name), trust_remote_code=False)
        model.tie_weights()  # transformers 5.0 leaves them apart on this device
    return model


def _weight_bytes(model: nn.Module, width: int, load_in_4bit: bool) -> int:
    """Bytes of the weights; tied weights count once. 4 bits are for the weights of Linears, but for the head."""
    every = {id(parameter): parameter.numel() for parameter in model.parameters()}
    head: Any = model.get_output_embeddings()  # type: ignore[operator]
    linears = [module for module in model.modules() if isinstance(module, nn.Linear) and module is not head]
    small = sum(module.weight.numel() for module in linears) if load_in_4bit else 0
    return round((sum(every.values()) - small) * width + small * FOUR_BITS)


def _linears(model: nn.Module, tower: Tower) -> list[nn.Linear]:
    """Every Linear of the tower's blocks."""
    blocks = [model.get_submodule(name) for name in tower.blocks]
    return [module for block in blocks for module in block.modules() if isinstance(module, nn.Linear)]


def _values(model: nn.Module, tower: Tower, gradient_checkpointing: bool) -> int:
    """Values that the backward pass needs of each token: of all blocks, or of one block and the inputs of all."""
    stored = sum(layer.in_features + layer.out_features for layer in _linears(model, tower))
    if not gradient_checkpointing:
        return stored
    reader: Any = model.get_submodule(tower.layers[0].reader)
    return stored // len(tower.blocks) + len(tower.blocks) * reader.out_features


def _patches(config: Any) -> int:
    """Patches of a picture, CLS included, where the configuration fixes its size."""
    sizes = [getattr(config.vision_config, name, None) for name in ("image_size", "patch_size")]
    size, patch = (value[0] if isinstance(value, list | tuple) else value for value in sizes)
    if not size or not patch:
        raise UserError(f"{config.model_type} takes pictures of any size: set patches, the number of patches of a picture")
    return (size // patch) ** 2 + 1
