"""The three protocols of MIA against scikit-learn on the samples themselves."""

import math

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from oro_unlearn.metrics import MembershipInference, mia

MEMBERS, OTHERS, FORGOTTEN = [0.9, 0.95, 0.97, 0.99], [0.1, 0.2, 0.3, 0.4], [0.02, 0.05, 0.60, 0.93]


def beta(count, a, b, seed):
    return torch.tensor(np.random.default_rng(seed).beta(a, b, count))


FIRST_MEMBERS = beta(150, 9, 1, 4)  # surer than the rest: which are taken matters
SPLITS = (torch.cat([FIRST_MEMBERS, beta(450, 4, 1.5, 0)]), beta(80, 2, 1, 1), beta(150, 2, 2, 2), beta(40, 2, 2, 3))
TRAIN_R, TRAIN_F, TEST_R, TEST_F = SPLITS
ROLES = {  # members, non-members, judged: section by section of the papers and of their code
    "rwft": (TRAIN_R, TEST_R, TRAIN_F),
    "kodge": (TRAIN_R, TRAIN_F, TEST_F),
    "sparse": (TRAIN_R[:150], TEST_R, TRAIN_F),
}


def sklearn_mia(members, others, judged, balanced="balanced"):
    machine = SVC(C=3, gamma="auto", kernel="rbf", class_weight=balanced)
    machine.fit(torch.cat([members, others])[:, None].numpy(), np.repeat([1, 0], [len(members), len(others)]))
    return 1 - machine.predict(judged[:, None].numpy()).mean()


@pytest.mark.parametrize("protocol", ROLES)
def test_protocol_is_the_machine_on_its_samples(protocol):
    expected = sklearn_mia(*ROLES[protocol])
    exact = mia(*SPLITS, protocol=protocol, attack="svc_exact")
    assert exact["mia"] == pytest.approx(expected, abs=1e-9)
    assert exact["member_rate"] == pytest.approx(1 - exact["mia"])
    assert mia(*SPLITS, protocol=protocol)["mia"] == pytest.approx(expected, abs=0.03)  # a bin of the histogram


def test_the_protocols_differ_on_these_splits():
    """So that a split in a wrong place shows."""
    found = [mia(*SPLITS, protocol=protocol, attack="svc_exact")["mia"] for protocol in ROLES]
    exchanged = mia(TRAIN_R, TEST_F, TEST_R, TRAIN_F, protocol="kodge", attack="svc_exact")["mia"]
    assert len({round(value, 6) for value in (*found, exchanged)}) == 4


def test_truncation_needs_no_weights():
    assert mia(*SPLITS, protocol="sparse", attack="svc_exact")["mia"] == pytest.approx(sklearn_mia(*ROLES["sparse"], None))


@pytest.mark.parametrize("attack", ["svc", "svc_exact", "threshold"])
def test_protocol_of_the_paper_is_the_metric(attack):
    metric = MembershipInference(attack)
    for group, values in ((1, TRAIN_R), (0, TEST_R), (2, TRAIN_F)):
        metric.update(values, torch.full((len(values),), group))
    found = mia(*SPLITS, attack=attack)
    assert found == pytest.approx({name: float(value) for name, value in metric.compute().items()})
    assert found == mia(*SPLITS[:3], torch.empty(0), attack=attack)  # the forgotten test samples are not read


def test_hand_value():
    found = mia(*(torch.tensor(values) for values in (MEMBERS, FORGOTTEN, OTHERS, [])))
    assert (found["mia"], found["member_rate"], found["attack_balanced_accuracy"]) == (0.75, 0.25, 1.0)
    assert found["boundary"] == pytest.approx(0.63077, abs=1e-4)


def test_the_released_code_only_asks_whether_confidence_is_low():
    """A mask on the logits, with nothing unlearned: 1, whatever the rest does."""
    for test_retained in (TEST_R, torch.empty(0)):
        assert mia(TRAIN_R, torch.zeros(80), test_retained, torch.zeros(40), protocol="kodge")["mia"] == 1


@pytest.mark.parametrize(("protocol", "empty"), [("rwft", 1), ("kodge", 3), ("sparse", 2)])
def test_an_empty_split_is_nan(protocol, empty):
    splits = [split[:0] if number == empty else split for number, split in enumerate(SPLITS)]
    with pytest.warns(UserWarning, match="there are no"):
        assert all(math.isnan(value) for value in mia(*splits, protocol=protocol).values())


def test_mia_rejects():
    with pytest.raises(ValueError, match="'rwft', 'kodge' or 'sparse', not 'paper'"):
        mia(*SPLITS, protocol="paper")
    with pytest.raises(ValueError, match="without NaN"):
        mia(TRAIN_R, TRAIN_F * math.nan, TEST_R, TEST_F)
