"""Cache of captions: reference features are computed once, and each caption is encoded only once per step."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from oro_unlearn.methods.relations.spread import spread

STEP = 8  # captions whose lengths round up to the same multiple are encoded together


class CaptionCache:
    """Tokens and reference features of captions, one row per caption, in growing tensors on the network's device.

    A step that has only known captions does not wait for the device. Row numbers and lengths are on the host; they reach the
    device through pinned memory.

    Args:
        network: An :class:`oro_unlearn.networks.OpenCLIP`; its reference must not change.
        reference: Returns features (N, D) of N captions under the reference.
        known: State of the run that is resumed, from :meth:`state`. Encoding the captions again could change the last bits
            of their features, which depend on the other captions of the same batch.
    """

    def __init__(self, network: Any, reference: Callable[[Sequence[str]], Tensor], known: dict[str, Any] | None = None) -> None:
        self.network, self.reference = network, reference
        self.numbers: dict[str, int] = {}  # row number by caption
        self.lengths: list[int] = []  # number of tokens by row
        self.tokens = torch.empty(0, network.context_length, dtype=torch.long)  # (N, L)
        self.features = torch.empty(0, network.embed_dim)  # (N, D) float32
        if known and known["captions"]:
            self._add(known["captions"], known["features"].to(network.mean.device))

    def state(self) -> dict[str, Any]:
        """Captions in the order of their rows, and their features under the reference."""
        return {"captions": list(self.numbers), "features": self.features.cpu()}

    def rows(self, captions: Sequence[str]) -> list[int]:
        """Row numbers of captions; new captions are tokenised and encoded first."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self.numbers]
        if new:
            self._add(new, self.reference(new))
        return [self.numbers[caption] for caption in captions]

    def _add(self, new: Sequence[str], features: Tensor) -> None:
        tokens = self.network.tokenizer(new)
        self.lengths += (tokens.argmax(1) + 1).tolist() if self.network.trims else [tokens.shape[1]] * len(new)
        self.numbers.update(zip(new, range(len(self.numbers), len(self.numbers) + len(new)), strict=True))
        self.features = torch.cat([self.features.to(features.device), features])
        self.tokens = torch.cat([self.tokens.to(features.device), tokens.to(features.device)])

    def before(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the reference."""
        rows = self.rows(captions)
        return self.features.index_select(0, on_device(rows, self.features.device))

    def now(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the model: each is encoded once, together with captions of similar length."""
        rows = self.rows(captions)
        unique = sorted(set(rows), key=lambda row: (self.lengths[row], row))
        tokens = self.tokens.index_select(0, on_device(unique, self.tokens.device))
        parts, start = [], 0
        # on a GPU, kernel launches cost more than padding tokens: all captions are encoded at once
        step = STEP if self.tokens.device.type == "cpu" else self.network.context_length
        for _, group in groupby(unique, lambda row: -(-self.lengths[row] // step)):
            together = list(group)
            same_length = tokens[start : start + len(together), : self.lengths[together[-1]]]
            parts.append(spread(len(together), partial(self._encoded, same_length)))
            start += len(together)
        place = {row: position for position, row in enumerate(unique)}
        return torch.cat(parts).index_select(0, on_device([place[row] for row in rows], self.tokens.device))

    def _encoded(self, tokens: Tensor, numbers: Sequence[int]) -> Tensor:
        return self.network.encode_text(chosen(tokens, numbers))


def chosen(values: Tensor, numbers: Sequence[int]) -> Tensor:
    """Rows of a tensor (N, ...) by number; the tensor itself if all rows are requested in order."""
    if len(numbers) == len(values) and list(numbers) == list(range(len(values))):
        return values
    return values.index_select(0, on_device(numbers, values.device))


def on_device(numbers: Sequence[int], device: torch.device) -> Tensor:
    """Whole numbers (N,) int64 on a device; the copy to a GPU does not block the host."""
    values = torch.tensor(numbers, dtype=torch.long)
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)
