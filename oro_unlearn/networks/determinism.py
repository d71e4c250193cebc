"""Tests by running it whether a computation gives the same result for an image every time."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

REPEATS = 4  # runs of the computation: a module may draw from its own generator, which the check below cannot see
ALIKE = 1e-3  # tolerance, relative to the largest value: results for an image in another batch differ by rounding


@torch.no_grad()
def varies(compute: Callable[[Tensor], Tensor], images: Tensor, modules: nn.Module | None = None) -> str:
    """Say why ``compute`` does not give the same result for an image every time; empty if it does.

    The test looks for draws from the generators of torch, NumPy and Python, for other results in a repetition, for results that
    depend on the other images of a batch, and for buffers that change. Generators and buffers are restored.

    Args:
        compute: Maps images (B, ...) to results (B, ...). Ideally each result depends on its image alone.
        images: (B, ...), two or more, on which to test.
        modules: The modules that ``compute`` runs. Their buffers are watched.
    """
    buffers = {name: value.clone() for name, value in modules.named_buffers()} if modules else {}
    with _generators_kept(images.device) as drawn:
        try:
            first = compute(images)
            if drawn():
                return "draws random numbers"
            if any(not _same(compute(images), first) for _ in range(REPEATS - 1)):
                return "gives something else each time"
            beside_others = compute(torch.cat([images[:1], -2 * images[1:]]))[:1]
            if not _same(beside_others, first[:1]):
                return "depends on the other images of a batch"
            changed = any(not torch.equal(value, buffers[name]) for name, value in _buffers(modules))
            return "changes its statistics" if changed else ""
        finally:
            for name, value in _buffers(modules):
                value.copy_(buffers[name])


def _buffers(modules: nn.Module | None) -> list[tuple[str, Tensor]]:
    return list(modules.named_buffers()) if modules else []


def _same(found: Tensor, expected: Tensor) -> bool:
    scale = float(expected.abs().nan_to_num(posinf=0).max()) if expected.numel() else 0.0
    return torch.allclose(found, expected, rtol=ALIKE, atol=ALIKE * scale, equal_nan=True)


@contextmanager
def _generators_kept(device: torch.device) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether random numbers were drawn. Afterwards every generator is restored."""
    devices = [device] if device.type == "cuda" else []
    other: tuple[Any, Any] = (np.random.get_state(), random.getstate())  # noqa: NPY002 (what a network may draw from)
    with torch.random.fork_rng(devices=devices):
        before = _states(device)
        try:
            yield lambda: before != _states(device)
        finally:
            np.random.set_state(other[0])  # noqa: NPY002
            random.setstate(other[1])


def _states(device: torch.device) -> list[Any]:
    own = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    own += [torch.mps.get_rng_state()] if device.type == "mps" else []
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    return [[state.tolist() for state in (torch.get_rng_state(), *own)], repr(numpy), random.getstate()]
