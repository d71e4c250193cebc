"""Whether a computation gives the same for an image every time, found by running it."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

REPEATS = 4  # of a computation: a module may draw from a generator of its own
ALIKE = 1e-3  # of the largest value: what is computed beside other images differs by rounding


@torch.no_grad()
def varies(compute: Callable[[Tensor], Tensor], images: Tensor, modules: nn.Module | None = None) -> str:
    """Why ``compute`` does not give the same for an image every time; empty where it does.

    Looked for are draws from any of torch's, NumPy's and Python's generators, other results the second time, results that
    depend on the other images of a batch, and buffers that change. Generators and buffers are left as they were.

    Args:
        compute: Gives (B, ...) of images (B, ...), one by one in what is looked for.
        images: (B, ...) to try it on; two or more.
        modules: What it runs, for its buffers.
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
    """Gives a function that says whether anything was drawn; afterwards every generator is as before."""
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
