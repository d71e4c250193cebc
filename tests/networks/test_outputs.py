"""Logits are found in what networks of other packages return."""

from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import pytest
import torch

from oro_unlearn.methods import RWFT
from oro_unlearn.networks import SmallCNN, logits_of
from tests.methods.test_methods import fit, method

LOGITS, OTHER = torch.zeros(2, 3), torch.ones(2, 5)
Auxiliary = namedtuple("Auxiliary", ["aux_logits", "logits"])


@pytest.mark.parametrize(
    "output",
    [
        LOGITS,
        SimpleNamespace(hidden=OTHER, logits=LOGITS),
        Auxiliary(OTHER, LOGITS),
        (LOGITS, OTHER),
        [None, LOGITS],
        {"hidden": OTHER, "logits": LOGITS},
        OrderedDict(aux=OTHER, out=LOGITS),
        {"scores": LOGITS, "loss": None},
    ],
)
def test_logits_are_found(output):
    assert logits_of(output) is LOGITS


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (None, "returned a NoneType"),
        ({"a": LOGITS, "b": OTHER}, "returned a dict of a, b"),
        (("x", 1), "returned a tuple of str, int"),
        ([], "returned a list of nothing"),
        ("logits", "returned a str"),
    ],
)
def test_what_cannot_be_told_apart_is_said_in_a_line(output, said):
    with pytest.raises(ValueError, match=said) as error:
        logits_of(output)
    assert "\n" not in str(error.value)


class Wrapped(SmallCNN):
    """Returns what Transformers return."""

    def forward(self, images):
        """Logits, and more."""
        return SimpleNamespace(loss=None, logits=super().forward(images))


@pytest.mark.parametrize("update", ["all", "adapters", ["layer3", "fc"]])
def test_a_method_edits_such_a_network(update, monkeypatch):
    monkeypatch.setattr("tests.methods.test_methods.SmallCNN", Wrapped)
    module = method(RWFT, update=update)
    fit(module)
    assert module(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
