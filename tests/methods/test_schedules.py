"""The one schedule by the step, against PyTorch's where these can say the same, and written out where they cannot."""

import math

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from oro_unlearn.methods.schedules import by_the_step, part_of_rate

HIGHEST = 0.3


def optimizer() -> SGD:
    return SGD([torch.nn.Parameter(torch.ones(1))], lr=HIGHEST)


def rates(own: SGD, scheduler, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(own.param_groups[0]["lr"])
        own.step()
        scheduler.step()
    return [*found, own.param_groups[0]["lr"]]


def ours(steps: int, shape, **options) -> list[float]:
    own = optimizer()
    return rates(own, by_the_step(own, steps, shape, **options)["scheduler"], steps)


def same(values: list[float]):
    return pytest.approx(values, rel=0, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 7, 60, 1000])
def test_a_cosine_is_that_of_pytorch(steps):
    own = optimizer()
    assert ours(steps, "cosine") == same(rates(own, CosineAnnealingLR(own, T_max=steps), steps))


@pytest.mark.parametrize("end", [0.0, 0.2])
def test_rising_to_a_whole_step_is_that_of_pytorch(end):
    own = optimizer()
    rising = LinearLR(own, start_factor=1 / 7, total_iters=6)
    schedule = SequentialLR(own, [rising, CosineAnnealingLR(own, T_max=54, eta_min=end * HIGHEST)], [6])
    assert ours(60, "cosine", rising=0.1, end=end) == same(rates(own, schedule, 60))


def relational(step: int, steps: int, warmup: float, final: float) -> float:
    rising = warmup * steps
    if step < rising:
        return (step + 1) / (rising + 1)
    return final + (1 - final) * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1.0, steps - rising)))) / 2


def triangle(step: int, steps: int) -> float:
    rising = 0.2 * steps
    return 0.2 + 0.8 * step / rising if step < rising else max(0.0, (steps - step) / (steps - rising))


@pytest.mark.parametrize("steps", [1, 2, 5, 12, 60, 97])
def test_the_highest_rate_may_be_between_two_steps(steps):
    """Every step of a run; behind its end there is none."""
    for warmup in (0.0, 0.05, 0.1, 0.5, 0.95, 1.0):
        wanted = [HIGHEST * relational(step, steps, warmup, 0.1) for step in range(steps)]
        assert ours(steps, "cosine", rising=warmup, end=0.1)[:steps] == same(wanted)
    wanted = [HIGHEST * triangle(step, steps) for step in range(steps + 1)]
    assert ours(steps, "linear", rising=0.2, start=0.2) == same(wanted)


def test_a_constant_rate_stays():
    assert set(ours(9, "constant")) == {HIGHEST}
    assert [part_of_rate(step, 10, "constant", rising=0.2) for step in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 1])
