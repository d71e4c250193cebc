"""Hooks that read the neurons of some tokens, and write others in their place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.user_error import UserError


class TokenPlaces:
    """The tokens of each sample whose neurons count.

    Hidden states may be (R, tokens, width), or without a batch dimension with all tokens of one row behind each other,
    (R * tokens, width). In both, every row of a batch must have the same number of tokens. A batch may be padded less or more
    than the mask, but must have every token that counts.

    Args:
        positions: Mask (samples, tokens) bool.

    Attributes:
        index: Positions (samples, C) int64, C being the most tokens of a sample; one with fewer repeats its first.
        counts: (samples, C) bool; false for a repeated token.

    Raises:
        UserError: If a sample has no token that counts.
    """

    def __init__(self, positions: Tensor) -> None:
        if positions.dim() != 2 or not positions.any(1).all():
            raise UserError("positions are a mask (samples, tokens) with a token in every sample")
        most = int(positions.sum(1).max())
        index = positions.int().argsort(dim=1, descending=True, stable=True)[:, :most]
        self.counts = positions.gather(1, index)
        self.index = torch.where(self.counts, index, index[:, :1])

    def read(self, hidden: Tensor, rows: Tensor) -> Tensor:
        """Hidden states (R, C, width) of the tokens, 0 for a repeated one.

        Args:
            hidden: Hidden states of the samples ``rows``.
            rows: Numbers (R,) int64 of the samples.
        """
        states, index = self._by_row(hidden, rows)
        return states.gather(1, index) * self.counts[rows][..., None]

    def write(self, hidden: Tensor, rows: Tensor, values: Tensor) -> Tensor:
        """``hidden`` with values (R, C, width) at the tokens; all others keep theirs. A repeated token gets no gradient."""
        states, index = self._by_row(hidden, rows)
        values = torch.where(self.counts[rows][..., None], values, values[:, :1].detach()).to(hidden.dtype)
        return states.scatter(1, index, values).reshape(hidden.shape)

    def _by_row(self, hidden: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (R, tokens, width), and the index of the tokens in them (R, C, width)."""
        tokens, rest = divmod(hidden[..., 0].numel(), len(rows))
        index = self.index[rows]
        if rest or int(index.max()) >= tokens:
            raise UserError(f"hidden states {tuple(hidden.shape)} do not hold the tokens to read of {len(rows)} samples")
        return hidden.reshape(len(rows), tokens, -1), index[..., None].expand(-1, -1, hidden.shape[-1])


@contextmanager
def written(layers: list[NeuronLayer], change: Callable[[int, Tensor], Tensor | None]) -> Iterator[None]:
    """Within the block, what each layer's reader gets goes through ``change``.

    Args:
        layers: The layers.
        change: Gets the number of the layer and its reader's input; returns another input, or None to keep it.
    """

    def hook(number: int) -> Callable[[nn.Module, tuple[Any, ...]], Any]:
        def replace(_: nn.Module, inputs: tuple[Any, ...]) -> Any:
            changed = change(number, inputs[0])
            return None if changed is None else (changed, *inputs[1:])

        return replace

    handles = [layer.reader.register_forward_pre_hook(hook(number)) for number, layer in enumerate(layers)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
