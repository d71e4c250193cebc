"""Linear probe: hand cases, planted signals, chance."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, recall_score
from sklearn.preprocessing import StandardScaler

from oro_unlearn.attacks import linear_probe

CORNERS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def clusters(count: int = 300, classes: int = 3, width: int = 10, gap: float = 3.0, seed: int = 0):
    """Training and test samples around the same centres."""
    generator = torch.Generator().manual_seed(seed)
    centres = gap * torch.randn(classes, width, generator=generator)
    labels = torch.arange(count) % classes
    return [part for _ in range(2) for part in (centres[labels] + torch.randn(count, width, generator=generator), labels)]


def test_values():
    """Of four test samples of class 1 two lie with it, one with class 0 and one with class 2; of four others, one with it."""
    labels = torch.arange(30) % 3
    train = CORNERS[labels] + torch.randn(30, 2)
    test = CORNERS[[1, 1, 0, 2, 0, 2, 2, 1]]
    truth = torch.tensor([1, 1, 1, 1, 0, 2, 2, 0])
    found = linear_probe(train, labels, test, truth, [1])
    assert found.recall == 0.5
    assert found.balanced_accuracy == (2 / 4 + 3 / 4) / 2
    assert found == (0.5, 0.625)


def test_several_forgotten_classes():
    """Taken for another forgotten class: no recall, but forgotten it is."""
    labels = torch.arange(30) % 3
    train = CORNERS[labels] + torch.randn(30, 2)
    test, truth = CORNERS[[1, 2, 2, 0, 0, 1]], torch.tensor([1, 1, 2, 2, 0, 0])
    assert linear_probe(train, labels, test, truth, [1, 2]) == (2 / 4, (3 / 4 + 1 / 2) / 2)


def test_against_scikit_learn():
    x, y, unseen, truth = clusters(gap=0.4)
    scaler = StandardScaler().fit(x.double().numpy())
    oracle = LogisticRegression(class_weight="balanced", max_iter=1000).fit(scaler.transform(x.double().numpy()), y.numpy())
    predicted = oracle.predict(scaler.transform(unseen.double().numpy()))
    found = linear_probe(x, y, unseen, truth, [1])
    assert 0.4 < found.recall < 0.95
    assert found.recall == pytest.approx(recall_score(truth == 1, predicted == 1))
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth == 1, predicted == 1))


def test_scale_and_dead_features_do_not_count():
    x, y, unseen, truth = clusters(gap=0.4)
    found = linear_probe(x, y, unseen, truth, [1])
    scale = torch.logspace(-3, 3, 10)
    dead = torch.full((300, 2), 4.0)
    assert linear_probe(x * scale + 1, y, unseen * scale + 1, truth, [1]) == pytest.approx(found, abs=0.02)
    assert linear_probe(torch.cat([x, dead], 1), y, torch.cat([unseen, dead], 1), truth, [1]) == pytest.approx(found)


def test_a_hidden_class_is_found_and_a_removed_one_is_not():
    x, y, unseen, truth = clusters()
    assert min(linear_probe(x, y, unseen, truth, [1])) > 0.99
    gone, unseen_gone = x.clone(), unseen.clone()
    gone[y == 1], unseen_gone[truth == 1] = x[y == 0], unseen[truth == 0][torch.randperm(100)]
    found = linear_probe(gone, y, unseen_gone, truth, [1])
    assert found.balanced_accuracy < 0.8  # 3/4 is the most that can be had between two equal classes,
    assert found.recall < 0.1 or found.recall > 0.4  # and recall is had by naming either


def test_features_that_say_nothing_give_chance():
    y = torch.arange(2000) % 4
    found = linear_probe(torch.randn(2000, 5), y, torch.randn(2000, 5), y, [1])
    assert found.recall == pytest.approx(1 / 4, abs=0.08)
    assert found.balanced_accuracy == pytest.approx(1 / 2, abs=0.05)


@pytest.mark.parametrize("value", [1.0, 0.1, 0.0])  # the mean of many 0.1 is not 0.1
@pytest.mark.parametrize("shots", [None, 2])
def test_features_that_are_all_equal_give_chance(value, shots):
    y = torch.arange(21) % 4
    constant = torch.full((21, 5), value)
    assert linear_probe(constant, y, constant, y, [1, 2], shots=shots) == (1 / 4, 1 / 2)


def test_a_rare_class_is_not_drowned():
    """Five samples among a thousand: without class weights the probe would give it up."""
    x, y, unseen, truth = clusters(count=1500, gap=0.9)
    rare = torch.cat([(y != 1).nonzero()[:, 0], (y == 1).nonzero()[:5, 0]])
    unweighted = LogisticRegression(max_iter=1000).fit(x[rare].numpy(), y[rare].numpy()).predict(unseen.numpy())
    found = linear_probe(x[rare], y[rare], unseen, truth, [1])
    assert found.recall > np.mean(unweighted[truth == 1] == 1) + 0.02


def test_few_shots_know_less_than_all_and_more_than_one():
    x, y, unseen, truth = clusters(gap=0.5, width=30)
    one, ten, everything = (linear_probe(x, y, unseen, truth, [1], shots=shots).balanced_accuracy for shots in (1, 10, None))
    assert one + 0.02 < ten < everything - 0.02
    assert linear_probe(x, y, unseen, truth, [1], shots=100, draws=1) == pytest.approx(
        linear_probe(x, y, unseen, truth, [1]), abs=0.01
    )


def test_draws_are_the_same_for_every_model():
    """They depend on the seed and the labels alone."""
    x, y, unseen, truth = clusters(gap=0.5)
    state = torch.get_rng_state()
    first = linear_probe(x, y, unseen, truth, [1], shots=2)
    assert linear_probe(x, y, unseen, truth, [1], shots=2) == first
    assert linear_probe(x * 8, y, unseen * 8, truth, [1], shots=2) == pytest.approx(first, abs=1e-3)
    assert linear_probe(x, y, unseen, truth, [1], shots=2, seed=1) != first
    assert torch.equal(torch.get_rng_state(), state)


def test_draws_are_averaged():
    x, y, unseen, truth = clusters(gap=0.5)
    members, others = (y == 1).nonzero()[:, 0], (y != 1).nonzero()[:, 0]
    generator, singles = torch.Generator().manual_seed(4), []
    for _ in range(3):
        rows = torch.cat([others, members[torch.randperm(len(members), generator=generator)[:2]]])
        singles.append(linear_probe(x[rows], y[rows], unseen, truth, [1]))
    assert len(set(singles)) == 3
    found = linear_probe(x, y, unseen, truth, [1], shots=2, seed=4, draws=3)
    assert found == pytest.approx(tuple(np.mean(singles, axis=0)))


def test_few_shots_use_no_other_samples_of_the_class():
    """All but what is drawn could be anything."""
    x, y, unseen, truth = clusters(gap=0.5)
    members = (y == 1).nonzero()[:, 0]
    drawn = members[torch.randperm(len(members), generator=torch.Generator().manual_seed(0))[:3]]
    changed = x.clone()
    changed[members] = 1e3
    changed[drawn] = x[drawn]
    expected = linear_probe(x, y, unseen, truth, [1], shots=3, draws=1)
    assert linear_probe(changed, y, unseen, truth, [1], shots=3, draws=1) == expected


X, Y = torch.randn(6, 2), torch.tensor([0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_features": torch.zeros(6)}, r"training features \(6,\)"),
        ({"test_labels": Y[:3]}, r"test features \(6, 2\) and labels \(3,\)"),
        ({"train_features": torch.full((6, 2), math.nan)}, "training features have NaN"),
        ({"test_features": torch.full((6, 2), math.inf)}, "test features have NaN or infinite"),
        ({"forgotten": []}, "at least one forgotten class"),
        ({"forgotten": [3]}, "class 3 has 0 training samples"),
        ({"shots": 3}, "class 1 has 2 training samples to probe with, not 3: lower shots"),
        ({"shots": 0}, "shots must be at least 1"),
        ({"test_labels": torch.zeros(6)}, "class 1 has no test samples"),
        ({"forgotten": [0, 1, 2]}, "training features are of forgotten classes only"),
        ({"test_labels": torch.ones(6)}, "test features are of forgotten classes only"),
    ],
)
def test_rejects(change, message):
    words = {"train_features": X, "train_labels": Y, "test_features": X, "test_labels": Y, "forgotten": [1]}
    with pytest.raises(ValueError, match=message):
        linear_probe(**{**words, **change})


def test_a_probe_that_has_not_converged_prints_no_warning(recwarn, monkeypatch):
    usual = LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda self, *given: usual(self.set_params(max_iter=1), *given))
    labels = torch.arange(60) % 3
    features = torch.randn(60, 8, generator=torch.Generator().manual_seed(0)) + labels[:, None]
    linear_probe(features, labels, features, labels, [1])
    assert not recwarn.list
