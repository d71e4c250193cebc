"""Features of captions that are computed once, and captions that are encoded once a step."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

STEP = 8  # captions whose lengths round up to the same multiple are encoded together


class CaptionCache:
    """Rows of growing tensors, one a caption, on the device of the network.

    A step with known captions alone waits for no device: numbers and lengths are on the host, and go to it by pinned memory.

    Args:
        network: An :class:`oro_unlearn.networks.OpenCLIP`; its reference must not change.
        reference: Gives features (N, D) of N captions under the reference.
    """

    def __init__(self, network: Any, reference: Callable[[Sequence[str]], Tensor]) -> None:
        self.network, self.reference = network, reference
        self.numbers: dict[str, int] = {}  # rows by caption
        self.lengths: list[int] = []  # tokens of every row
        self.tokens = torch.empty(0, network.context_length, dtype=torch.long)  # (N, L)
        self.features = torch.empty(0, network.embed_dim)  # (N, D) float32

    def rows(self, captions: Sequence[str]) -> list[int]:
        """Row numbers of captions; those that are new are tokenised and encoded first."""
        new = [caption for caption in dict.fromkeys(captions) if caption not in self.numbers]
        if new:
            tokens = self.network.tokenizer(new)
            ends = (tokens.argmax(1) + 1).tolist() if self.network.trims else [tokens.shape[1]] * len(new)
            self.numbers.update(zip(new, range(len(self.lengths), len(self.lengths) + len(new)), strict=True))
            self.lengths += ends
            features = self.reference(new)
            self.features = torch.cat([self.features.to(features.device), features])
            self.tokens = torch.cat([self.tokens.to(features.device), tokens.to(features.device)])
        return [self.numbers[caption] for caption in captions]

    def before(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the reference."""
        rows = self.rows(captions)
        return self.features.index_select(0, on_device(rows, self.features.device))

    def now(self, captions: Sequence[str]) -> Tensor:
        """Features (N, D) of captions under the model: each is encoded once, beside those of about its length."""
        rows = self.rows(captions)
        unique = sorted(set(rows), key=lambda row: (self.lengths[row], row))
        tokens = self.tokens.index_select(0, on_device(unique, self.tokens.device))
        parts, start = [], 0
        for _, group in groupby(unique, lambda row: -(-self.lengths[row] // STEP)):
            together = list(group)
            parts.append(self.network.encode_text(tokens[start : start + len(together), : self.lengths[together[-1]]]))
            start += len(together)
        place = {row: position for position, row in enumerate(unique)}
        return torch.cat(parts).index_select(0, on_device([place[row] for row in rows], self.tokens.device))


def on_device(numbers: Sequence[int], device: torch.device) -> Tensor:
    """Whole numbers (N,) int64 on a device; a GPU is not waited for."""
    found = torch.tensor(numbers, dtype=torch.long)
    return found.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else found.to(device)
