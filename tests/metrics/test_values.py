"""Hand-computed values and edge cases of every metric."""

import math

import numpy as np
import pytest
import torch
from sklearn.svm import SVC
from torch.nn.functional import one_hot

from oro_unlearn.metrics import (
    CosineDrift,
    ForgetRetainAccuracy,
    MembershipInference,
    NearestClassMIA,
    UnlearningTotalVariation,
    nearest_class,
)

PREDICTED, LABELS = torch.tensor([0, 1, 2, 3, 2, 1, 0, 2]), torch.tensor([0, 1, 2, 3, 2, 2, 1, 2])
MEMBERS, OTHERS, TARGETS = [0.9, 0.95, 0.97, 0.99], [0.1, 0.2, 0.3, 0.4], [0.02, 0.05, 0.60, 0.93]


def fed(metric: MembershipInference, members=MEMBERS, others=OTHERS, targets=TARGETS) -> MembershipInference:
    for group, values in ((1, members), (0, others), (2, targets)):
        metric.update(torch.tensor(values, dtype=torch.float64), torch.full((len(values),), group))
    return metric


def test_accuracy_value():
    metric = ForgetRetainAccuracy(4, [2])
    metric.update(one_hot(PREDICTED).float(), LABELS)
    assert {k: float(v) for k, v in metric.compute().items()} == {"acc_f": 0.75, "acc_r": 0.75}
    assert metric.per_class().tolist() == [1.0, 0.5, 0.75, 1.0]
    assert metric.confusion_matrix().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 3, 0], [0, 0, 0, 1]]


def test_accuracy_of_an_absent_group_is_nan():
    metric = ForgetRetainAccuracy(4, [2])
    metric.update(torch.eye(4)[:2], torch.tensor([0, 1]))
    assert math.isnan(metric.compute()["acc_f"])
    assert metric.compute()["acc_r"] == 1
    metric = ForgetRetainAccuracy(4, [2])
    metric.update(torch.eye(4)[2:3], torch.tensor([2]))
    assert metric.compute()["acc_f"] == 1
    assert math.isnan(metric.compute()["acc_r"])


def test_accuracy_counts_broken_rows_as_wrong_and_minus_infinity_as_a_mask():
    metric = ForgetRetainAccuracy(2, [1])
    rows = [[math.nan, 1.0], [math.inf, 0.0], [-math.inf, -math.inf], [1.0, -math.inf]]
    metric.update(torch.tensor(rows), torch.zeros(4, dtype=torch.long))
    assert metric.compute()["acc_r"] == 0.25
    assert metric.nonfinite.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(2, 3), torch.tensor([0, 1]), "must be"),
        (torch.zeros(2, 4), torch.tensor([0]), "must be"),
        (torch.zeros(1, 4), torch.tensor([4]), "labels must lie in 0 to 3"),
        (torch.zeros(1, 4), torch.tensor([-1]), "labels must lie in 0 to 3"),
    ],
)
def test_accuracy_rejects(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        ForgetRetainAccuracy(4, [2]).update(logits, labels)


def test_accuracy_rejects_requests():
    with pytest.raises(ValueError, match="all 3 classes"):
        ForgetRetainAccuracy(3, [0, 1, 2])
    with pytest.raises(ValueError, match="0 to 2"):
        ForgetRetainAccuracy(3, [3])


UNLEARNED, RETRAINED = torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.6, 0.3]]), torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.9, 0.0]])
HEADLESS = torch.tensor([[0.75, 0.25], [0.1, 0.9]])


@pytest.mark.parametrize(
    ("options", "retrained", "value"),
    [
        ({}, RETRAINED, 0.25),
        ({"forget_classes": [2]}, HEADLESS, 0.275),
        ({"forget_classes": [2], "conditional": True}, HEADLESS, 0.118651),
    ],
)
def test_total_variation_value(options, retrained, value):
    metric = UnlearningTotalVariation(**options)
    metric.update(UNLEARNED, retrained)
    assert float(metric.compute()) == pytest.approx(value, abs=1e-6)


def test_total_variation_properties():
    generator = torch.Generator().manual_seed(0)
    p, q, r = (torch.rand(50, 7, generator=generator).softmax(1) for _ in range(3))

    def distance(a, b):
        metric = UnlearningTotalVariation()
        metric.update(a, b)
        return float(metric.compute())

    order = torch.randperm(7, generator=generator)
    assert distance(p, p) == 0
    assert distance(p, q) == pytest.approx(distance(q, p))
    assert distance(p[:, order], q[:, order]) == pytest.approx(distance(p, q))
    assert distance(p, r) <= distance(p, q) + distance(q, r)
    assert distance(torch.eye(2), torch.eye(2).flip(1)) == 1
    assert distance(p, q) == pytest.approx(float(np.abs(p.numpy() - q.numpy()).sum(1).mean() / 2), abs=1e-6)


def test_total_variation_of_nothing_is_nan():
    metric = UnlearningTotalVariation()
    metric.update(torch.zeros(0, 3), torch.zeros(0, 3))
    assert math.isnan(metric.compute())


@pytest.mark.parametrize(
    ("unlearned", "retrained", "message"),
    [
        (torch.zeros(1, 3), RETRAINED[:1], "unlearned .* sum to 1"),
        (UNLEARNED, RETRAINED * torch.nan, "retrained .* finite"),
        (UNLEARNED, HEADLESS, "must both be"),
    ],
)
def test_total_variation_rejects(unlearned, retrained, message):
    with pytest.raises(ValueError, match=message):
        UnlearningTotalVariation().update(unlearned, retrained)


def test_conditional_total_variation_needs_retained_mass():
    metric = UnlearningTotalVariation([0], conditional=True)
    with pytest.raises(ValueError, match="no probability on the retained"):
        metric.update(torch.eye(3)[:1], torch.eye(3)[:1])


@pytest.mark.parametrize("attack", ["svc", "svc_exact", "threshold"])
def test_membership_value(attack):
    result = {name: float(value) for name, value in fed(MembershipInference(attack)).compute().items()}
    assert result["attack_balanced_accuracy"] == 1
    assert (result["mia"], result["member_rate"]) == (0.75, 0.25)
    assert result["boundary"] == pytest.approx(0.65 if attack == "threshold" else 0.63077, abs=1e-4)


def test_histogram_machine_equals_the_exact_one():
    generator = np.random.default_rng(0)
    members = 1 / (1 + np.exp(-generator.normal(4, 2, 3000)))
    others = 1 / (1 + np.exp(-generator.normal(2, 2, 1000)))
    targets = generator.uniform(size=500)
    machine = SVC(C=3, gamma=1.0, class_weight="balanced")
    machine.fit(np.concatenate([members, others])[:, None], np.repeat([1, 0], [3000, 1000]))
    expected = machine.predict(targets[:, None]).mean()
    for attack in ("svc", "svc_exact"):
        rate = float(fed(MembershipInference(attack), members, others, targets).compute()["member_rate"])
        assert rate == pytest.approx(expected, abs=0.004), attack  # one bin is 0.002 of the range


def test_balance_does_not_depend_on_group_sizes():
    members, others, targets = [0.95] * 9 + [0.5], [0.5] * 4 + [0.05], [0.5] * 6  # by counts, 0.5 means non-member 4 : 1
    for attack in ("svc", "svc_exact", "threshold"):
        for copies in (1, 10):  # with ten times the members, 0.5 means member 10 : 4 to whoever does not balance
            result = fed(MembershipInference(attack), members * copies, others, targets).compute()
            assert result["mia"] == 1, (attack, copies)
    unbalanced = SVC(C=3, gamma=1.0).fit(np.array(members * 10 + others)[:, None], [1] * 100 + [0] * 5)
    assert unbalanced.predict([[0.5]]) == 1


@pytest.mark.parametrize("attack", ["svc", "svc_exact", "threshold"])
def test_membership_of_an_empty_group_is_nan_and_says_which(attack):
    with pytest.warns(UserWarning, match="there are no members"):
        result = fed(MembershipInference(attack), members=[]).compute()
    assert all(math.isnan(value) for value in result.values())


@pytest.mark.parametrize("attack", ["svc", "svc_exact", "threshold"])
def test_an_attack_that_cannot_tell_gives_no_rate(attack):
    result = fed(MembershipInference(attack), members=[0.5] * 8, others=[0.5] * 8).compute()
    assert result["attack_balanced_accuracy"] == 0.5
    assert math.isnan(result["mia"])
    assert math.isnan(result["member_rate"])


@pytest.mark.parametrize("attack", ["svc", "svc_exact"])
@pytest.mark.parametrize("shift", [12, 9])
def test_saturated_confidences_have_no_boundary(attack, shift):
    """Members and non-members all near 1: the histogram's machine used to put a boundary where the exact one had none."""
    generator = np.random.default_rng(0)
    groups = [1 / (1 + np.exp(-generator.normal(shift + more, 2, count))) for more, count in ((0.7, 1500), (0, 400), (-2, 300))]
    with pytest.warns(UserWarning, match="too alike"):
        result = fed(MembershipInference(attack), *groups).compute()
    assert [math.isnan(result[name]) for name in ("mia", "member_rate", "boundary")] == [True] * 3
    assert result["attack_balanced_accuracy"] == 0.5


def test_confidences_that_are_only_nearly_saturated_are_judged():
    generator = np.random.default_rng(0)
    groups = [1 / (1 + np.exp(-generator.normal(6 + more, 2, count))) for more, count in ((0.7, 1500), (0, 400), (-2, 300))]
    rates = [float(fed(MembershipInference(attack), *groups).compute()["mia"]) for attack in ("svc", "svc_exact")]
    assert rates[0] == pytest.approx(rates[1], abs=0.01)


def test_threshold_is_the_stronger_attack():
    generator = np.random.default_rng(1)
    members, others = 1 - generator.exponential(0.002, 2000).clip(0, 1), 1 - generator.exponential(0.01, 2000).clip(0, 1)
    weak, strong = (fed(MembershipInference(a), members, others).compute() for a in ("svc", "threshold"))
    assert strong["attack_balanced_accuracy"] >= weak["attack_balanced_accuracy"]
    best = max((np.mean(members >= t) + np.mean(others < t)) / 2 for t in np.concatenate([members, others]))
    assert float(strong["attack_balanced_accuracy"]) == pytest.approx(best, abs=1e-3)


def test_order_of_updates_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    scores, groups = torch.rand(300, generator=generator), torch.randint(0, 3, (300,), generator=generator)
    for attack in ("svc", "threshold"):
        whole, parts = MembershipInference(attack), MembershipInference(attack)
        whole.update(scores, groups)
        for rows in torch.randperm(300, generator=generator).split(7):
            parts.update(scores[rows], groups[rows])
        expected, found = whole.compute(), parts.compute()
        for name, value in expected.items():
            assert float(found[name]) == pytest.approx(float(value), abs=1e-9, nan_ok=True), (attack, name)


@pytest.mark.parametrize(
    ("confidence", "group", "message"),
    [
        (torch.tensor([math.nan]), torch.tensor([0]), "without NaN"),
        (torch.tensor([1.5]), torch.tensor([0]), r"in \[0, 1\]"),
        (torch.tensor([0.5]), torch.tensor([3]), "groups must be"),
        (torch.tensor([0.5]), torch.tensor([0, 1]), "must both be"),
    ],
)
def test_membership_rejects(confidence, group, message):
    with pytest.raises(ValueError, match=message):
        MembershipInference().update(confidence, group)


def test_exact_attack_refuses_what_would_take_hours():
    metric = MembershipInference("svc_exact")
    metric.exact_limit = 5
    with pytest.raises(ValueError, match="use attack='svc'"):
        fed(metric).compute()


def test_nearest_class_value():
    result = fed(NearestClassMIA(neighbour=9)).compute()
    assert set(result) == {"nn_member_rate", "nn_attack_success", "attack_balanced_accuracy"}
    assert (float(result["nn_member_rate"]), float(result["nn_attack_success"])) == (0.25, 0.75)


def test_nearest_class_choice():
    assert nearest_class(torch.tensor([0.1, 0.6, 0.1, 0.2]), [1]) == 3
    assert nearest_class(torch.tensor([0.3, 0.4, 0.3]), [1]) == 0
    with pytest.raises(ValueError, match="two retained classes"):
        nearest_class(torch.tensor([0.3, 0.7]), [1])


def drift(base, edited) -> dict[str, float]:
    metric = CosineDrift()
    metric.update(torch.tensor(base), torch.tensor(edited))
    return {name: float(value) for name, value in metric.compute().items()}


@pytest.mark.parametrize(
    ("base", "edited", "value"),
    [(0.3010, -0.3868, 0.6878), (0.2522, -0.2359, 0.4881), (0.2716, -0.4296, 0.7012), (0.2820, 0.3428, -0.0608)],
)
def test_drift_of_the_papers_tables(base, edited, value):
    found = drift([base], [edited])
    assert found["drift"] == pytest.approx(value, abs=1e-6)
    assert found["absolute_drift"] == pytest.approx(abs(value), abs=1e-6)


def test_drift_is_a_mean_over_pairs():
    found = drift([0.3010, 0.2522, 0.2716], [-0.3868, -0.2359, -0.4296])
    assert found == pytest.approx({"base": 0.274933, "edited": -0.350767, "drift": 0.6257, "absolute_drift": 0.6257}, abs=1e-6)


def test_absolute_drift_sees_pairs_that_move_in_opposite_directions():
    found = drift([0.5, 0.25, 0.0], [0.25, 0.5, 0.0])
    assert found["drift"] == 0
    assert found["absolute_drift"] == pytest.approx(0.5 / 3)


def test_drift_between_opposite_vectors_is_two():
    assert drift([1.0], [-1.0])["drift"] == 2


def test_drift_without_pairs_is_nan():
    assert all(math.isnan(value) for value in drift([], []).values())


def test_drift_of_half_precision_cosines_is_summed_in_double():
    metric = CosineDrift()
    for _ in range(3):
        metric.update(torch.full((1000,), 0.25, dtype=torch.bfloat16), torch.full((1000,), 0.125, dtype=torch.bfloat16))
    assert metric.compute()["drift"] == 0.125


@pytest.mark.parametrize(
    ("base", "edited", "message"),
    [
        (torch.zeros(2), torch.zeros(3), r"must both be \(B,\): base \(2,\), edited \(3,\)"),
        (torch.zeros(2, 1), torch.zeros(2, 1), r"must both be \(B,\)"),
        (torch.tensor([math.nan]), torch.zeros(1), "base cosines .* without NaN"),
        (torch.zeros(1), torch.tensor([math.nan]), "edited cosines .* without NaN"),
        (torch.zeros(1), torch.tensor([-1.1]), r"edited cosines must be in \[-1, 1\]"),
    ],
)
def test_drift_rejects(base, edited, message):
    metric = CosineDrift()
    with pytest.raises(ValueError, match=message):
        metric.update(base, edited)
    assert metric.count == 0
