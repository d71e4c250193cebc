"""Misdirection reaches 0 at its goals, by its gradient."""

import pytest
import torch

from oro_unlearn.methods.misdirection import misdirection_losses, misdirection_target


def test_the_losses_reach_0_at_their_goals():
    target = misdirection_target(8, seed=3)
    assert float(target.norm()) == pytest.approx(10)
    assert torch.equal(target, misdirection_target(8, seed=3))
    assert not torch.equal(target, misdirection_target(8, seed=4))
    reference = torch.randn(2, 3, 8)
    states = torch.zeros(2, 2, 3, 8, requires_grad=True)
    optimizer = torch.optim.LBFGS([states], max_iter=20, line_search_fn="strong_wolfe")

    def total():
        optimizer.zero_grad()
        loss = sum(misdirection_losses(states[0], reference, states[1], target).values())
        loss.backward()
        return loss

    assert total().item() > 1
    optimizer.step(total)
    assert total().item() < 1e-8
    assert torch.allclose(states[1], target.expand(2, 3, 8), atol=1e-3)
    assert sum(misdirection_losses(reference, reference, target.expand(2, 3, 8), target).values()) == 0


def test_weights_and_masks():
    target, hidden = misdirection_target(4, 0), torch.zeros(2, 3, 4)
    tokens = torch.tensor([[True, True, False], [True, False, False]])
    kept = hidden.clone()
    kept[~tokens] = 100.0  # padding
    found = misdirection_losses(kept, hidden, kept, target, 2.0, 3.0, tokens, tokens)
    assert float(found["retain"]) == 0
    assert float(found["forget"]) == pytest.approx(3 * 100 / 4)
