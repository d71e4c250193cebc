"""RWFT's teacher: another model whose probabilities are learned."""

import pytest
import torch

from oro_unlearn.methods import RWFT
from oro_unlearn.networks import SmallCNN, load_weights, save_weights
from oro_unlearn.user_error import UserError
from tests.methods.test_methods import FORGET, batch, fit, method


def test_a_teacher_takes_the_place_of_q_star_or_is_mixed_in():
    other = SmallCNN(10, width=4)
    save_weights(other, "teacher.safetensors")
    plain, forget = method(RWFT), batch()
    plain.setup("fit")
    own = plain.targets(forget)
    with torch.no_grad():
        taught = plain.reweighted(other.eval()(forget.images))
    for weight, expected in ((1.0, taught), (0.5, (own + taught) / 2), (0.0, own)):
        module = method(RWFT, teacher="teacher.safetensors", teacher_weight=weight)
        module.setup("fit")
        assert torch.allclose(module.targets(forget), expected, atol=1e-6)
        assert (module.targets(forget)[:, FORGET] == 0).all()
    assert not torch.allclose(own, taught, atol=1e-3)


def test_the_teacher_is_no_part_of_a_checkpoint_and_never_trained():
    save_weights(SmallCNN(10, width=4), "teacher.safetensors")
    module = method(RWFT, teacher="teacher.safetensors")
    trainer = fit(module)
    before = {name: value.clone() for name, value in module.teacher.state_dict().items()}
    trainer.save_checkpoint("out.ckpt")
    names = torch.load("out.ckpt", weights_only=True)["state_dict"]
    assert not any(name.startswith("teacher.") for name in names)
    fresh = SmallCNN(10, width=4)
    load_weights(fresh, "teacher.safetensors")
    assert all(torch.equal(before[name], value) for name, value in fresh.state_dict().items())


def test_a_missing_teacher_is_named():
    module = method(RWFT, teacher="missing.safetensors")
    with pytest.raises(UserError, match=r"missing.safetensors not found"):
        module.setup("fit")
