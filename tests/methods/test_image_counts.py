"""Every image that goes through a network while a method fits counts, teachers' too; forward and backward apart."""

import pytest

from oro_unlearn import methods
from oro_unlearn.data import Digits
from oro_unlearn.methods.classes import cache as caches
from oro_unlearn.networks import SmallCNN, save_weights
from tests.methods.test_cache import fit

KINDS = {
    "FineTune": {},
    "RandomLabels": {"order": "sequential"},
    "GradientAscent": {},
    "L1Sparse": {},
    "BoundaryShrink": {},
    "BoundaryExpand": {},
    "SalUn": {},
    "SVDUnlearning": {"alpha_retain": [10.0, 100.0], "samples": 90},
    "ClosedFormClass": {},
    "NegGradPlus": {},
    "SCRUB": {"max_steps": 1},
    "SSD": {"importance_file": "off"},
    "BadTeacher": {},
    "UNSIR": {"noise_images": 8, "noise_steps": 3, "noise_copies": 2},
    "AMUN": {"steps": 2, "rounds": 2},
    "CFk": {},
    "EUk": {},
    "GradedReset": {},
    "RWFT": {"retain": "distill"},
    "LogitMask": {},
}


@pytest.fixture
def seen(monkeypatch):
    """Images that went through any network, forward and backward, counted by the network itself."""
    counts, forward = {"forward": 0, "backward": 0}, SmallCNN.forward

    def counting(self, images):
        logits = forward(self, images)
        counts["forward"] += len(images)
        if logits.requires_grad:
            logits.register_hook(lambda _: counts.update(backward=counts["backward"] + len(images)))
        return logits

    monkeypatch.setattr(SmallCNN, "forward", counting)
    monkeypatch.setattr(caches, "fold_batchnorm", lambda network, images: network)  # or it would be no such network
    return counts


@pytest.mark.parametrize("name", KINDS)
def test_the_count_is_what_the_networks_have_seen(name, seen):
    kind = getattr(methods, name)
    module = fit(
        kind, epochs=2 if kind.train_splits else 0, data=Digits(forget=[3, 8], per_class=20), cache="off", **KINDS[name]
    )
    assert {"forward": module.images_read, "backward": module.images_backward} == seen
    assert (seen["forward"] > 0) is (name != "LogitMask")


def test_every_method_is_looked_at():
    found = {name for name in methods.__all__ if isinstance(getattr(methods, name), type)}
    found = {name for name in found if issubclass(getattr(methods, name), methods.ClassUnlearning)}
    assert found - {"ClassUnlearning"} == set(KINDS)


def test_two_teachers_count_twice(seen):
    save_weights(SmallCNN(10, width=4), "teacher.safetensors")
    data = Digits(forget=[3, 8], per_class=20)
    one = fit(methods.RWFT, epochs=1, data=data, cache="off").images_read
    two = fit(methods.RWFT, epochs=1, data=data, cache="off", teacher="teacher.safetensors").images_read
    assert one == (40 + 160 + 40) + 40 + 40, "the forget set beside each of two batches of the retain set, for both networks"
    assert two - one == 40 * 2
