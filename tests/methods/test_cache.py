"""What is cached is what would have been computed, and it is computed once."""

import pytest
import torch
from lightning.pytorch import Trainer

from oro_unlearn.data import Digits
from oro_unlearn.methods import RWFT, SCRUB, BadTeacher, CFk, EUk, FineTune
from oro_unlearn.methods.classes import cache as caches
from oro_unlearn.user_error import UserError
from tests.conftest import CONFIGS, SHORT
from tests.methods.test_methods import FORGET, method

STAGE = {"update": ["layer3", "fc"], "batchnorm": "eval"}
KINDS = {
    "RWFT-O": (RWFT, {}, "teacher"),
    "RWFT-O distilled": (RWFT, {"retain": "distill"}, "teacher"),
    "RWFT-2-O": (RWFT, STAGE, "activations"),
    "RWFT-2-O distilled": (RWFT, {**STAGE, "retain": "distill"}, "activations"),
    "RWFT-2-O, statistics of the batch": (RWFT, {**STAGE, "batchnorm": "train"}, "activations"),
    "RWFT-2-O, one pass of the forget set": (RWFT, {**STAGE, "loader_mode": "min_size"}, "activations"),
    "RW-A": (RWFT, {"update": "adapters"}, "activations"),
    "DELETE": (RWFT, {"retain": "none", "batchnorm": "eval"}, "teacher"),
    "EU-k": (EUk, {"trunk_statistics": "keep"}, "activations"),
    "CF-k": (CFk, {"trunk_statistics": "keep"}, "activations"),
    "CF-k, statistics that move": (CFk, {}, "off"),
    "SCRUB": (SCRUB, {}, "teacher"),
    "BadTeacher": (BadTeacher, {}, "teacher"),
    "FT": (FineTune, {}, "off"),
}


def fit(kind: type, epochs: int = 4, data: Digits | None = None, trainer: dict | None = None, **options):
    torch.manual_seed(3)
    module = method(kind, **options)
    torch.manual_seed(4)
    runner = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, **(trainer or {}),
    )  # fmt: skip
    runner.fit(module, data or Digits(forget=FORGET, per_class=40))
    return module


@pytest.mark.parametrize("name", KINDS)
def test_with_and_without_the_weights_are_the_same(name, capsys):
    """And the line that is printed says what was kept."""
    kind, options, mode = KINDS[name]
    plain = fit(kind, cache="off", **options)
    assert "cache: off (as requested)" in capsys.readouterr().out
    kept = fit(kind, **options)
    assert f"cache: {mode} (" in capsys.readouterr().out
    for (key, expected), value in zip(plain.network.state_dict().items(), kept.network.state_dict().values(), strict=True):
        assert torch.allclose(expected.float(), value.float(), rtol=1e-4, atol=1e-6), key
    moved = [not torch.equal(a, b) for a, b in zip(kept.network.parameters(), kept.original.parameters(), strict=False)]
    assert any(moved), "nothing was trained: the comparison would be empty"
    assert plain.images_backward == kept.images_backward > 0
    asked = kept.images_read - kept.images_backward  # of frozen networks
    assert asked == sum(len(kept.trainer.datamodule.split(split)) for split in kept.teacher_splits), "each image once"
    assert plain.images_read - plain.images_backward >= asked


def test_the_teacher_sees_every_image_once():
    seen: list[int] = []

    class Counting(RWFT):
        def original_logits(self, images):
            seen.extend([len(images)] if len(images) > 4 else [])  # on four it is found out whether it is the same every time
            return super().original_logits(images)

    fit(Counting, epochs=5, cache="off")
    assert len(seen) == 5 * 3, "five epochs of three batches of the retain set"
    seen.clear()
    fit(Counting, epochs=5)
    assert seen == [80], "one batch: the forget set"


def test_frozen_layers_see_every_image_once():
    seen = {"layer1": 0, "layer3": 0}

    class Counting(RWFT):
        def on_train_start(self):
            for name in seen:
                self.network.get_submodule(name).register_forward_hook(lambda _, args, __, name=name: add(name, args[0]))
            super().on_train_start()

    def add(name, images):
        seen[name] += len(images)

    module = fit(Counting, epochs=6, **STAGE)
    data = Digits(forget=FORGET, per_class=40)
    assert seen["layer1"] == len(data.split("train"))
    assert seen["layer3"] == module.images_backward > 6 * len(data.split("retain")), "every step"


def test_images_are_not_even_read_where_activations_are_kept():
    """Their loaders give labels and positions alone."""
    sizes = {}

    class Looking(RWFT):
        def prepare(self, split, batch):
            sizes[split] = batch.images.shape[1:]
            return super().prepare(split, batch)

    fit(Looking, **STAGE)
    assert sizes == {"forget": (0,), "retain": (0,)}
    fit(Looking, cache="off", **STAGE)
    assert sizes == {"forget": (1, 16, 16), "retain": (1, 16, 16)}


@pytest.mark.parametrize(
    ("options", "data", "why"),
    [
        (STAGE, {"crop_padding": 1}, "off (images are augmented anew in every epoch; --model.views N keeps N views"),
        ({}, {"flip": True}, "off (images are augmented anew"),
        ({"loader_mode": "min_size", **STAGE}, {}, "activations (everything before layer3 is frozen"),
    ],
)
def test_the_mode_and_its_reason_are_said(options, data, why, capsys):
    fit(RWFT, data=Digits(forget=FORGET, per_class=40, **data), **options)
    assert why in capsys.readouterr().out


def test_a_set_that_is_read_once_is_not_kept(capsys):
    """One epoch of two batches of the forget set's size: the retain set is read in part."""
    fit(RWFT, epochs=1, loader_mode="min_size", **STAGE)
    plain = fit(RWFT, epochs=1, loader_mode="min_size", cache="off", **STAGE)
    kept = fit(RWFT, epochs=1, loader_mode="min_size", **STAGE)
    assert "; 80 images" in capsys.readouterr().out
    for expected, value in zip(plain.network.parameters(), kept.network.parameters(), strict=True):
        assert torch.allclose(expected, value, atol=1e-6)


class Wavering(RWFT):
    """Its target is another one every time."""

    def teacher_outputs(self, split, batch):
        return super().teacher_outputs(split, batch) + torch.rand(()) / 10


@pytest.mark.parametrize("options", [{}, STAGE])
def test_a_target_that_is_drawn_is_not_kept(options, capsys):
    plain, found = fit(Wavering, cache="off", **options), fit(Wavering, **options)
    assert (
        "cache: off (the computation of the teacher's outputs on the forget set draws random numbers)"
        in capsys.readouterr().out
    )
    assert all(torch.equal(a, b) for a, b in zip(plain.network.parameters(), found.network.parameters(), strict=True))
    with pytest.raises(ValueError, match="teacher cannot be used: the computation of the teacher's outputs"):
        fit(Wavering, cache="teacher")


@pytest.mark.parametrize(
    ("kind", "options", "data", "message"),
    [
        (FineTune, {"cache": "activations"}, {}, "activations cannot be used: no frozen layer comes before"),
        (FineTune, {"cache": "teacher"}, {}, "teacher cannot be used: FineTune reads no frozen network"),
        (RWFT, {"cache": "teacher"}, {"crop_padding": 1}, "teacher cannot be used: images are augmented anew"),
        (RWFT, {"cache": "activations", **STAGE}, {"crop_padding": 1}, "activations cannot be used: images are augmented"),
        (RWFT, {"cache": "activations", "views": 2, **STAGE}, {"flip": "alternating"}, "views are stored in one epoch"),
    ],
)
def test_what_cannot_be_had_exactly_is_refused(kind, options, data, message):
    with pytest.raises(ValueError, match=message):
        fit(kind, data=Digits(forget=FORGET, per_class=40, **data), **options)


def test_views_take_the_place_of_new_augmentation(capsys):
    """Training sees stored views only, the unmoved image among them once in a while; without views it would see others."""
    served: list[torch.Tensor] = []

    class Recording(RWFT):
        def prepare(self, split, batch):
            found = super().prepare(split, batch)
            if split == "forget":
                served.extend(zip(batch.index.tolist(), found.images, strict=True))
            return found

    fit(Recording, epochs=12, data=Digits(forget=FORGET, per_class=40, crop_padding=2), views=3, **STAGE)
    assert "3 stored views in place of new ones: an approximation" in capsys.readouterr().out
    first = served[0][0]
    mine = torch.stack([activations for index, activations in served if index == first])
    distinct = torch.unique(mine.flatten(1), dim=0)
    assert 2 <= len(distinct) <= 3
    assert len(mine) > 12


def test_above_the_limit_it_lies_in_a_file_that_leaves_nothing_behind(tmp_path, capsys):
    options = {**STAGE, "retain": "distill"}
    small, mapped = fit(RWFT, **options), fit(RWFT, cache_limit=0.0, trainer={"default_root_dir": tmp_path / "run"}, **options)
    assert "in a file" in capsys.readouterr().out
    for expected, value in zip(small.network.parameters(), mapped.network.parameters(), strict=True):
        assert torch.equal(expected, value)
    assert list((tmp_path / "run").glob("cache*")) == []


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caches.os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"no room for a cache of .* \(No space left on device\): set --model.cache off"):
        fit(RWFT, cache_limit=0.0, trainer={"default_root_dir": tmp_path / "run"}, **STAGE)
    assert list((tmp_path / "run").iterdir()) == []


def test_mixed_precision_keeps_its_type():
    plain, kept = (fit(RWFT, cache=mode, trainer={"precision": "bf16-mixed"}, **STAGE) for mode in ("off", "auto"))
    for expected, value in zip(plain.network.parameters(), kept.network.parameters(), strict=True):
        assert torch.allclose(expected, value, atol=1e-5)


def test_a_refusal_comes_before_an_earlier_run_is_touched(run, original_weights, tmp_path):
    config, out = CONFIGS / "digits/rwft_o.yaml", tmp_path / "out"
    words = ["fit", "--config", str(config), "--model.original", original_weights(config), *SHORT, "--data.forget", "[8]"]
    words += ["--trainer.default_root_dir", str(out), "--trainer.max_epochs", "1"]
    assert run(*words)[0] == 0
    before = {path: path.read_bytes() for path in out.glob("*.*")}
    code, said = run(*words, "--model.cache", "activations")
    assert code == 2
    assert "--model.cache activations cannot be used" in said
    assert {path: path.read_bytes() for path in out.glob("*.*")} == before


def test_options_out_of_range():
    with pytest.raises(ValueError, match="must not be negative"):
        method(RWFT, views=-1)
