"""RMIA: hand values, the outer product as oracle, and what has no score."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from oro_unlearn.metrics import auc, rmia

POPULATION, REFERENCES = torch.tensor([0.6, 0.9, 0.5]), torch.tensor([[0.6, 0.3, 0.9]])
AUDITED, OUT = torch.tensor([0.95, 0.8, 0.6, 0.3]), torch.tensor([[0.5, 0.5, 0.55, 0.4]])


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("gamma", "score"), [(1.0, 2 / 3), (2.0, 1 / 3)])
def test_hand_value(gamma, score):
    found = rmia(torch.tensor([0.8]), torch.tensor([[0.5]]), POPULATION, REFERENCES, gamma=gamma)
    assert float(found.likelihoods) == pytest.approx(1.185185, abs=1e-6)
    assert float(found.scores) == pytest.approx(score)
    population = rmia(POPULATION, REFERENCES, POPULATION, REFERENCES).likelihoods
    assert population.tolist() == pytest.approx([0.810811, 1.651376, 0.534759], abs=1e-6)
    assert (found.likelihoods / population).tolist() == pytest.approx([1.461728, 0.717695, 2.216296], abs=1e-6)


def test_set_value():
    found = rmia(AUDITED, OUT, POPULATION, REFERENCES)
    assert found.scores.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0])
    assert auc(found.scores[:2], found.scores[2:]) == 0.75
    assert auc(found.likelihoods[:2], found.likelihoods[2:]) == 1


def test_online_value():
    inside = torch.tensor([[0.9]])
    found = rmia(torch.tensor([0.8]), torch.tensor([[0.5]]), POPULATION, REFERENCES, references_in=inside)
    assert float(found.likelihoods) == pytest.approx(1.142857, abs=1e-6)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_outer_product(gamma, online):
    target, out, population, references = rand(300), rand(4, 300, seed=1), rand(150, seed=2), rand(4, 150, seed=3)
    population[:20], references[:, :20] = target[:20], out[:, :20]  # ties
    inside = rand(3, 300, seed=4) if online else None
    found = rmia(target, out, population, references, inside, gamma=gamma, offset=0.4)
    mean = out.mean(0).numpy()
    normaliser = (mean + inside.mean(0).numpy()) / 2 if online else (1.4 * mean + 0.6) / 2
    own, others = target.numpy() / normaliser, population.numpy() / ((1.4 * references.mean(0).numpy() + 0.6) / 2)
    assert np.allclose(found.likelihoods, own, atol=1e-12)
    dominated = (own[:, None] >= gamma * others[None] - 1e-12).mean(1)
    assert np.allclose(found.scores, dominated, rtol=0, atol=1e-12)


def test_one_target_model_ranks_by_its_relative_likelihood():
    population, references = rand(5000, seed=5), rand(2, 5000, seed=6)
    found = rmia(rand(400), rand(2, 400, seed=1), population, references)
    members = np.arange(400) < 200
    assert roc_auc_score(members, found.scores) == pytest.approx(roc_auc_score(members, found.likelihoods), abs=2e-4)


def test_a_reference_trained_with_the_sample_does_not_count():
    references = torch.stack([OUT[0], torch.full((4,), 0.99)])
    out = torch.tensor([[True] * 4, [False] * 4])
    for masked in (rmia(AUDITED, references, POPULATION, REFERENCES, out=out),
                   rmia(AUDITED, references.masked_fill(~out, math.nan), POPULATION, REFERENCES)):  # fmt: skip
        assert torch.equal(masked.likelihoods, rmia(AUDITED, OUT, POPULATION, REFERENCES).likelihoods)
    assert not torch.equal(rmia(AUDITED, references, POPULATION, REFERENCES).likelihoods, masked.likelihoods)


def test_samples_without_any_reference_are_nan_and_counted():
    out = torch.tensor([[True, False, True, True]])
    target = torch.tensor([0.95, 0.8, math.nan, 0.3])
    found = rmia(target, OUT, POPULATION, REFERENCES, out=out)
    assert found.scores.isnan().tolist() == found.likelihoods.isnan().tolist() == [False, True, True, False]
    assert found.unscored == 2
    assert rmia(AUDITED, OUT, POPULATION, REFERENCES).unscored == 0


def test_population_without_values_is_left_out():
    population, references = torch.cat([POPULATION, torch.tensor([math.nan, 0.1])]), torch.full((2, 5), math.nan)
    references[0, :3] = REFERENCES
    found = rmia(AUDITED, OUT, population, references)
    assert torch.equal(found.scores, rmia(AUDITED, OUT, POPULATION, REFERENCES).scores)


def test_probabilities_of_zero():
    """A retrained model gives a forgotten sample nothing, and a sample of the population may get nothing."""
    zeros = torch.zeros(1, 2)
    found = rmia(torch.tensor([0.5, 0.0]), zeros, torch.zeros(4), torch.full((1, 4), 0.5))
    assert found.likelihoods.tolist() == pytest.approx([0.5 / 0.35, 0])
    assert found.scores.tolist() == [1, 1]  # P_x >= gamma * 0
    assert rmia(torch.tensor([0.5, 0.0]), zeros, POPULATION, REFERENCES, offset=1.0).scores.tolist() == [1, 0]


GOOD = {"target": AUDITED, "references_out": OUT, "population": POPULATION, "population_references": REFERENCES}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"gamma": 0.5}, "gamma must be at least 1"),
        ({"offset": 1.5}, r"offset in \[0, 1\]"),
        ({"target": AUDITED + 1}, "target .* must be probabilities"),
        ({"target": AUDITED[None]}, "target .* 1 dimension"),
        ({"references_out": OUT[:, :2]}, r"references_out \(1, 2\) must be \(models, 4\)"),
        ({"references_in": OUT[:, :2]}, r"references_in \(1, 2\) must be \(models, 4\)"),
        ({"population_references": OUT}, r"population_references \(1, 4\) must be \(models, 3\)"),
        ({"population": POPULATION[:0], "population_references": REFERENCES[:, :0]}, "no population"),
        ({"population": POPULATION * math.nan}, "no population"),
        ({"out": torch.ones(1, 4)}, "must be bool"),
        ({"out": torch.ones(2, 4, dtype=torch.bool)}, "in the shape of references_out"),
    ],
)
def test_rmia_rejects(changed, message):
    with pytest.raises(ValueError, match=message):
        rmia(**{**GOOD, **changed})
