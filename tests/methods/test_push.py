"""The forms of push and preserve, against values computed by hand."""

import math
from typing import get_args

import pytest
import torch

from oro_unlearn.methods.relations.push import Preserve, Push, Unsafe, preserve_loss, push_loss

COSINES = [[0.3, 0.0], [-0.2, 0.5]]
TAU = 0.1


def unsafe(cosine=COSINES, others=((0.1,), (0.2,)), scale=1.0) -> Unsafe:
    text, one = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    return Unsafe(torch.tensor(cosine), torch.tensor(others), text, torch.tensor([[0.6, 0.8], [0.8, 0.6]]), one, scale)


def gradient(form: Push, value: float, **options) -> float:
    given = unsafe([[value]], ((0.1,),), options.pop("scale", 1.0))
    given.cosine.requires_grad_()
    push_loss(form, given, **{"tau": TAU, **options}).backward()
    return float(given.cosine.grad)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("cosine", 0.15),
        ("target", (0.15 + 0.05 + 0.25 + 0.35) / 4),  # |d| - 0.05 of 0.2, -0.3 and 0.4, and 5 d² of -0.1
        ("squared", (0.04 + 0.01 + 0.09 + 0.16) / 4),
        ("hinge", (0.1 + 0.3) / 4),  # with a margin of 0.1: above 0.2
        ("repair", (0.04 + 0.01 + 0.16 + 0.09) / 4),  # from 0.1 and from 0.2
        ("nce_against", sum(math.log(1 + math.exp(c - o)) for c, o in ((0.3, 0.1), (0, 0.1), (-0.2, 0.2), (0.5, 0.2))) / 4),
        ("redirect", 0.4),
    ],
)
def test_push(form, value):
    assert float(push_loss(form, unsafe(), TAU, margin=0.1)) == pytest.approx(value, abs=1e-6)


def test_every_form_is_tested():
    marks = test_push.pytestmark[0].args[1]
    assert {form for form, _ in marks} == set(get_args(Push))
    assert set(get_args(Preserve)) == {"pull", "match_ref"}


@pytest.mark.parametrize("form", ["target", "squared"])
def test_a_target_is_reached_from_both_sides_and_kept(form):
    assert gradient(form, TAU) == 0
    assert gradient(form, TAU + 0.05) > 0 > gradient(form, TAU - 0.05)


def test_huber_is_bounded_away_from_its_target():
    assert gradient("target", 0.9) == gradient("target", 0.5) == pytest.approx(1)
    assert gradient("target", TAU + 0.05) == pytest.approx(0.5)


def test_a_hinge_rests_below_its_margin():
    assert gradient("hinge", 0.19, margin=0.1) == gradient("hinge", -0.9, margin=0.1) == 0
    assert gradient("hinge", 0.21, margin=0.1) == pytest.approx(1)


def test_the_papers_push_never_stops():
    assert [gradient("cosine", value) for value in (-0.999, 0.0, 0.999)] == [1, 1, 1]


def test_repair_stops_at_the_reference_and_is_bounded():
    assert gradient("repair", 0.1) == 0
    worst = Unsafe(*unsafe([[1.0]], ((-1.0,),)))
    assert float(push_loss("repair", worst, TAU)) == 4
    drawn = {float(push_loss("repair", unsafe([[0.0]], ((0.5, 1.0),)), TAU)) for _ in range(30)}
    assert drawn == {0.25, 1.0}, "a random caption of another group"


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_nce_is_the_probability_of_the_unsafe_caption(scale):
    cosine, others = 0.02, torch.tensor([0.01, -0.01])
    p = torch.tensor([cosine, *others]).mul(scale).softmax(0)[0]
    given = unsafe([[cosine]], (tuple(others.tolist()),), scale)
    assert float(push_loss("nce_against", given, TAU)) == pytest.approx(-math.log(1 - float(p)), rel=1e-5)


def test_nce_is_finite_and_pushes_where_the_probability_rounds_to_one():
    loss = push_loss("nce_against", unsafe([[1.0]], ((-1.0, -1.0),), 100.0), TAU)
    assert float(loss) == pytest.approx(200 - math.log(2), rel=1e-6)
    assert gradient("nce_against", 1.0, scale=100.0) == pytest.approx(100)
    assert gradient("nce_against", -1.0, scale=100.0) == pytest.approx(0, abs=1e-6)


def test_redirect_picks_the_caption_that_was_nearest_before():
    now, before = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    captions = torch.tensor([[0.6, 0.8], [0.8, 0.6]])
    found = push_loss("redirect", Unsafe(torch.zeros(1, 1), torch.zeros(1, 1), now, captions, before, 1.0), TAU)
    assert float(found) == pytest.approx(0.4), "not the first, though that is nearer now"
    reached = push_loss("redirect", Unsafe(torch.zeros(1, 1), torch.zeros(1, 1), captions[1:], captions, before, 1.0), TAU)
    assert float(reached) == pytest.approx(0, abs=1e-6)


def test_preserve():
    cosine, reference = torch.tensor([0.3, 0.5]), torch.tensor([0.1, 0.6])
    assert float(preserve_loss("pull", cosine, reference)) == pytest.approx(0.6)
    assert float(preserve_loss("match_ref", cosine, reference)) == pytest.approx((0.04 + 0.01) / 2)


def test_pull_moves_what_nothing_pushed_and_match_ref_does_not():
    for form, expected in (("pull", -1.0), ("match_ref", 0.0)):
        cosine = torch.tensor([0.3], requires_grad=True)
        preserve_loss(form, cosine, torch.tensor([0.3])).backward()
        assert float(cosine.grad) == expected
