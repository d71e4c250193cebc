"""The measurement shows every evaluation image to every model once, and chooses nearest classes by the same pass."""

import pytest
import torch
from lightning.pytorch import Trainer

from oro_unlearn.data import Digits
from oro_unlearn.data.images.image_data import EVAL_SPLITS
from oro_unlearn.methods import LogitMask
from oro_unlearn.metrics import nearest_class
from oro_unlearn.networks import SmallCNN, save_weights
from tests.methods.test_methods import FORGET, method

QUIET = {"accelerator": "cpu", "logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def retrained(seed: int) -> str:
    torch.manual_seed(seed)
    save_weights(SmallCNN(10, width=4), f"retrained-{seed}.safetensors")
    return f"retrained-{seed}.safetensors"


@pytest.mark.parametrize("others", [0, 2])
def test_every_model_sees_every_image_once(others):
    module = method(LogitMask, retrained=[retrained(seed) for seed in range(others)])
    module.setup("test")
    seen = dict.fromkeys(module.audited(), 0)
    for name, network in module.audited().items():
        network.register_forward_hook(lambda _, args, __, name=name: seen.update({name: seen[name] + len(args[0])}))
    data = Digits(forget=FORGET, per_class=40, batch_size=64)
    Trainer(**QUIET, enable_checkpointing=False).test(module, data, verbose=False)
    total = sum(len(data.split(name)) for name in EVAL_SPLITS)
    assert seen == dict.fromkeys(seen, total)
    assert module._held == [], "nothing is kept after the measurement"


@pytest.mark.parametrize("others", [0, 2])
def test_the_nearest_class_is_that_of_a_pass_of_its_own(others):
    module = method(LogitMask, retrained=[retrained(seed) for seed in range(others)])
    data = Digits(forget=FORGET, per_class=20, batch_size=7)
    Trainer(**QUIET, enable_checkpointing=False).test(module, data, verbose=False)
    images, labels, _ = (torch.cat(parts) for parts in zip(*data.loader(data.split("test_forget")), strict=True))
    pixels = data.normalise(images.float() / 255)
    expected = {}
    for label in FORGET:
        models = list(module.retrained) or [module.original]
        with torch.no_grad():
            logits = [model.eval()(pixels[labels == label]) for model in models]
        if not others:
            logits[0][:, FORGET] = -torch.inf
        expected[label] = nearest_class(sum(value.double().softmax(1).sum(0) for value in logits), FORGET)
    assert module.measurements["neighbours"] == expected
