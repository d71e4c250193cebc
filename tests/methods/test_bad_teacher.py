"""BadTeacher: two frozen teachers, and the share of the retain set that is read."""

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from oro_unlearn.data import Digits
from oro_unlearn.methods import BadTeacher
from tests.methods.test_baselines import sgd, train
from tests.methods.test_methods import FORGET, batch, method


def student(**kwargs) -> BadTeacher:
    module = method(BadTeacher, optimizer=sgd(momentum=0.9, weight_decay=0.1), **kwargs)
    train(module, Digits(forget=FORGET))
    return module.eval()


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def test_losses_are_divergences_from_the_two_teachers():
    module, forget, retain = student(temperature=2.0), batch(), batch(8)
    with torch.no_grad():
        module.network.fc.weight += 5 * torch.randn_like(module.network.fc.weight)
    found = module.losses(forget, retain)
    for name, data, teacher in (("forget", forget, module.bad_teacher), ("retain", retain, module.original)):
        p, q = ((model(data.images).double() / 2).softmax(1) for model in (teacher, module.network))
        assert found[name].item() == pytest.approx((p * (p / q).log()).sum(1).mean().item(), rel=1e-4)
    assert min(found.values()) > 0.01


def test_the_random_teacher_depends_on_its_seed_alone():
    torch.manual_seed(5)
    first = method(BadTeacher)
    stream = torch.get_rng_state()
    torch.manual_seed(6)
    again, other = method(BadTeacher), method(BadTeacher, seed=2)
    assert same(state(first.bad_teacher), state(again.bad_teacher))
    assert not same(state(first.bad_teacher), state(other.bad_teacher))
    torch.manual_seed(5)
    method(BadTeacher, seed=7)
    assert torch.equal(torch.get_rng_state(), stream), "the global stream was touched"


def test_pretrained_weights_do_not_teach():
    def pretrained(num_classes: int) -> nn.Module:
        network = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.BatchNorm1d(8), nn.Linear(8, num_classes))
        return network.apply(lambda part: nn.init.ones_(part.weight) if hasattr(part, "weight") else None)

    module = BadTeacher(network=pretrained, num_classes=10, forget_classes=[8])
    assert not (module.bad_teacher[1].weight == 1).any()
    assert (module.network[1].weight == 1).all()


def test_the_random_teacher_is_frozen_in_eval_mode_and_not_exported():
    fresh = state(method(BadTeacher).bad_teacher)
    module = student()
    module.train()
    assert same(state(module.bad_teacher), fresh)
    assert not any(part.training for part in module.bad_teacher.modules())
    assert not any(p.requires_grad for p in module.bad_teacher.parameters())
    assert set(module.export().state_dict()) == set(module.network.state_dict())
    assert "bad_teacher" not in module.audited()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_share_of_the_retain_set_is_read(share):
    seen = []

    class Recorded(BadTeacher):
        def losses(self, forget, retain_share):
            seen.append(retain_share.index)
            return super().losses(forget, retain_share)

    data = Digits(forget=FORGET)
    trainer = train(method(Recorded, retain_share=share), data, epochs=2, steps=None)
    retain = data.split("retain").positions
    read = torch.cat(seen).unique()
    assert len(read) == round(share * len(retain))
    assert torch.isin(read, retain).all()
    assert set(trainer.train_dataloader) == {"forget", "retain_share"}
    assert len(data.split("retain")) == len(retain), "the data module's own split is whole"


def test_a_resumed_run_has_the_same_teacher_and_share():
    saved = ModelCheckpoint(".", filename="half")
    first, data = method(BadTeacher), Digits(forget=FORGET)
    train(first, data, enable_checkpointing=True, callbacks=[saved])
    module, again = method(BadTeacher), Digits(forget=FORGET)
    for parameter in module.bad_teacher.parameters():
        parameter.zero_()
    torch.manual_seed(7)
    train(module, again, epochs=2, resume="half.ckpt")
    assert same(state(module.bad_teacher), state(first.bad_teacher))
    assert torch.equal(data.split("retain_share").positions, again.split("retain_share").positions)
