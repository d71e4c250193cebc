"""What relational methods promise: terms, adapters on a frozen base, the reference, schedules and files."""

import inspect
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch.nn.functional import huber_loss, kl_div
from torch.optim import SGD

from oro_unlearn import methods
from oro_unlearn.methods import Pretraining, PushOnly, RelationUnlearning
from oro_unlearn.methods.relations.dual_encoder import DualEncoder
from oro_unlearn.methods.relations.relational_unlearning import RelationalUnlearning
from oro_unlearn.networks import OpenCLIP, lora
from tests.conftest import CONFIGS
from tests.small_world import LOSSES, batch, fit, method, world, write_weights

ALL = 10_000  # more captions than the vocabulary has: each step draws all of it
WEIGHTS = {"alpha": 2.0, "beta": 3.0, "delta": 4.0, "gamma": 5.0, "lambda_": 6.0, "kl_rows": 7.0, "vocab_text": 8.0}


def relational() -> list[type]:
    found = [getattr(methods, name) for name in methods.__all__]
    return [kind for kind in found if inspect.isclass(kind) and issubclass(kind, DualEncoder) and not inspect.isabstract(kind)]


@pytest.mark.parametrize("kind", relational(), ids=lambda kind: kind.__name__)
def test_every_method_trains_measures_and_is_documented(kind):
    module, data = method(kind), world()
    trainer = fit(module, data, steps=1)
    trainer.test(module, data, verbose=False)
    assert set(module.measurements["metrics"]) == ({"original", "unlearned"} if kind is not Pretraining else {"original"})
    assert [len(values) for values in module.measurements["losses"].values()] == [1] * len(module.last_losses)
    own = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "kwargs")]
    assert "__init__" not in vars(kind) or all(f"{name}:" in inspect.getdoc(kind) for name in own)
    assert module.seconds > 0


def test_every_method_has_a_config():
    text = "".join(path.read_text() for path in CONFIGS.glob("scenes/*.yaml"))
    assert all(f"class_path: {kind.__name__}\n" in text for kind in relational())


# -- the terms


def edited(**options) -> RelationUnlearning:
    """A method after a few steps, so that model and reference differ; it draws the whole vocabulary."""
    module = method(**{"vocab_captions": ALL, "towers": "both", **WEIGHTS, **options})
    fit(module, steps=3)
    return module


def features(module, pairs) -> list[torch.Tensor]:
    """Pictures and captions, under the model and under the reference."""
    found = []
    for exact in (False, True):
        with module.network.reference() if exact else torch.no_grad():
            found += [module.network.encode_image(pairs.images), encode(module, pairs.captions)]
    return found


def encode(module, captions, reference=False) -> torch.Tensor:
    with module.network.reference() if reference else torch.no_grad():
        return module.network.encode_text(module.network.tokenize(captions))


def batches(module) -> dict:
    return {split: batch(module.trainer.datamodule, split) for split in module.train_splits}


@pytest.mark.parametrize(
    ("push", "preserve", "towers"),
    [("target", "match_ref", "both"), ("target", "match_ref", "text"), ("cosine", "pull", "both"), ("cosine", "pull", "image")],
)
def test_each_term_is_what_it_says(push, preserve, towers):
    module = edited(push=push, preserve=preserve, towers=towers)
    groups = batches(module)
    found = {name: float(value.detach()) for name, value in module.losses(**groups).items()}
    unsafe, kept = groups["unsafe"], [groups[name] for name in ("edges", "nodes", "neutral")]
    images, texts, images_before, texts_before = zip(*(features(module, pairs) for pairs in (unsafe, *kept)), strict=True)

    def pushed(captions):
        cosine = images[0] @ encode(module, captions).T
        return cosine.mean() if push == "cosine" else huber_loss(cosine, torch.full_like(cosine, module.stop), delta=0.1) * 10

    expected = {"l3_unsafe": pushed(list(set(unsafe.captions))), "ladv_adversarial": 6 * pushed(unsafe.attacks)}
    moved = []
    for number, (name, weight) in enumerate((("l1_edges", 3), ("l2_nodes", 2), ("l4_neutral", 4)), start=1):
        cosine = (images[number] * texts[number]).sum(1)
        before = (images_before[number] * texts_before[number]).sum(1)
        expected[name] = weight * ((1 - cosine) if preserve == "pull" else (cosine - before) ** 2).mean()
        moved += [1 - (texts[number] * texts_before[number]).sum(1)] if towers != "image" else []
        moved += [1 - (images[number] * images_before[number]).sum(1)] if towers != "text" else []
    expected["lc_consistency"] = 5 * torch.cat(moved).mean()
    words = [text for texts in module.trainer.datamodule.vocabulary.values() for text in texts]
    columns = [*words, *{caption for pairs in kept for caption in pairs.captions}]
    logits = [
        module.network.scale * torch.cat(pictures) @ encode(module, columns, reference).T
        for pictures, reference in ((images, False), (images_before, True))
    ]
    rows = kl_div(logits[0].log_softmax(1), logits[1].log_softmax(1), log_target=True, reduction="none").sum(1)
    expected["kl_rows"] = 7 * rows.mean()
    expected["vocab_text"] = 8 * (1 - (encode(module, words) * encode(module, words, True)).sum(1)).mean()
    assert found == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-3, abs=1e-5)
    assert towers == "image" or found["vocab_text"] > 1e-4, "the edit is large enough to be seen"


def test_terms_of_a_method_that_holds_nothing():
    module = method(PushOnly, towers="both")
    fit(module)
    pairs = batch(module.trainer.datamodule, "unsafe")
    (found,) = module.losses(pairs).values()
    assert float(found.detach()) == pytest.approx(
        float((features(module, pairs)[0] @ encode(module, list(set(pairs.captions))).T).mean())
    )


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_term_without_weight_is_left_out(name):
    module = method(**{name: 0.0})
    fit(module, steps=1)
    position = ["alpha", "beta", "delta", "gamma", "lambda_", "kl_rows", "vocab_text"].index(name)
    assert set(module.last_losses) == set(LOSSES) - {LOSSES[1:][position]}


def test_the_papers_terms_need_no_vocabulary():
    module, data = method(kl_rows=0, vocab_text=0, tau=0.0), world()
    data.vocabulary = {0: [], 1: [], 2: [], 3: []}
    fit(module, data, steps=1)
    assert set(module.last_losses) == set(LOSSES) - {"kl_rows", "vocab_text"}


def test_before_the_first_step_nothing_is_to_be_preserved():
    module = method(towers="both")
    fit(module, steps=1)
    first = module.history[0]
    for name in ("l1_edges", "l2_nodes", "l4_neutral", "lc_consistency", "kl_rows", "vocab_text"):
        assert float(first[name]) == pytest.approx(0, abs=2e-5), name
    assert float(first["l3_unsafe"]) > 1e-5 or float(first["ladv_adversarial"]) > 1e-5


@pytest.mark.parametrize("tau", ["unrelated", "mismatched", 0.25])
def test_where_a_bounded_push_stops(tau):
    module = method(tau=tau)
    fit(module, steps=1)
    data = module.trainer.datamodule
    captions = [text for shared in ((0,) if tau == "unrelated" else (0, 1, 2)) for text in data.vocabulary[shared]]
    with module.network.reference():
        images = module.network.encode_image(batch(data, "unsafe", len(data.split("unsafe"))).images)
    expected = 0.25 if tau == 0.25 else float((images @ encode(module, captions, reference=True).T).mean())
    assert module.stop == pytest.approx(expected, abs=1e-6)


def test_vocabulary_is_drawn_in_its_shares():
    module = method(vocab_captions=10, vocab_shares=[0.4, 0.3, 0.2, 0.1])
    fit(module, steps=1)
    vocabulary = module.trainer.datamodule.vocabulary
    drawn = module.draw_vocabulary()
    assert [sum(text in vocabulary[shared] for text in drawn) for shared in range(4)] == [4, 3, 2, 1]
    assert len(set(drawn)) == 10
    module.vocab_captions = ALL
    assert sorted(module.draw_vocabulary()) == sorted(text for texts in vocabulary.values() for text in texts)


# -- adapters and the reference


@pytest.mark.parametrize(("adapter", "towers"), [("lora", "both"), ("dora", "both"), ("rslora", "text"), ("lora", "image")])
def test_the_base_stays_bit_identical_and_every_adapter_learns(adapter, towers):
    weights = write_weights()
    plain, module = OpenCLIP("scenes", pretrained=weights), method(weights=weights, towers=towers, adapter=adapter)
    plain.requires_grad_(False)  # matmul folds batches for weights that need a gradient, which rounds otherwise on some CPUs
    fit(module, steps=3)
    base = lora.base_state(module.network.model)
    assert all(torch.equal(base[name], value) for name, value in plain.model.state_dict().items())
    gradients = {name: parameter.grad for name, parameter in lora.adapter_parameters(module.network.model).items()}
    assert all(gradient.abs().max() > 0 for gradient in gradients.values())
    assert module.adapter_parameters == sum(gradient.numel() for gradient in gradients.values())
    pairs = batch(module.trainer.datamodule, "edges")
    with torch.no_grad():
        images, texts = plain.encode_image(pairs.images), plain.encode_text(plain.tokenize(pairs.captions))
    assert torch.equal(module.image_features("original", pairs.images), images)
    assert torch.equal(module.text_features("original", pairs.captions), texts)
    with module.opened("original") as network:
        assert torch.equal(network.encode_text(network.tokenize(pairs.captions)), texts)
    assert torch.equal(module.image_features("unlearned", pairs.images), images) == (towers == "text")
    assert torch.equal(module.text_features("unlearned", pairs.captions), texts) == (towers == "image")


def test_gradients_reach_nothing_but_adapters():
    module = method(towers="both")
    fit(module)
    assert all((parameter.grad is None) == (".lora_" not in name) for name, parameter in module.named_parameters())
    optimised = {id(p) for group in module.trainer.optimizers[0].param_groups for p in group["params"]}
    assert optimised == {id(p) for p in lora.adapter_parameters(module.network.model).values()}


@pytest.mark.parametrize("towers", ["text", "both"])
def test_features_that_are_kept_are_those_of_the_network(towers):
    module = method(towers=towers)
    fit(module, steps=3)
    for split in ("unsafe", "edges"):
        pairs = batch(module.trainer.datamodule, split)
        with torch.no_grad():
            now, before = module.pictures(split, pairs)
            first, reference = features(module, pairs)[::2]
        assert torch.allclose(now, first, atol=1e-6)
        assert torch.allclose(before, reference, atol=1e-6)
        assert torch.equal(now, before) == (towers == "text")
    texts, originals = module.texts(pairs.captions, pairs.attacks, [])
    assert [len(part) for part in texts] == [5, 5, 0]
    assert torch.allclose(texts[1], encode(module, pairs.attacks), atol=1e-6)
    assert torch.allclose(originals[1], encode(module, pairs.attacks, reference=True), atol=1e-6)


def test_losses_and_reference_are_full_precision_under_mixed_precision():
    plain, mixed = (method(towers="both") for _ in range(2))
    fit(plain, steps=1).test(plain, world(), verbose=False)
    fit(mixed, steps=2, precision="bf16-mixed").test(mixed, world(), verbose=False)
    assert {value.dtype for value in mixed.last_losses.values()} == {torch.float32}
    assert all(value.isfinite() for value in mixed.last_losses.values())
    assert {p.dtype for p in mixed.parameters()} == {torch.float32}
    original = mixed.measurements["metrics"]["original"]
    assert original == plain.measurements["metrics"]["original"], "the original is measured without autocast"
    assert mixed.measurements["metrics"]["unlearned"]["direct/cosine"] != original["direct/cosine"]


def test_models_to_compare_with_are_measured_beside():
    other = write_weights("other.safetensors", seed=1)
    module, reference = method(retrained=[other]), method(weights=other)
    for one in (module, reference):
        fit(one, steps=1).test(one, world(), verbose=False)
    found = module.measurements["metrics"]
    assert set(found) == {"original", "unlearned", "retrained_0"}
    for name, value in reference.measurements["metrics"]["original"].items():
        assert found["retrained_0"][name] == pytest.approx(value, abs=1e-6), name
    assert not any(part.training for part in module.retrained[0].modules())


# -- data, schedule, errors


@pytest.mark.parametrize(
    ("kind", "splits"), [(PushOnly, {"unsafe"}), (RelationUnlearning, {"unsafe", "edges", "nodes", "neutral"})]
)
def test_which_splits_are_read(kind, splits):
    data, read = world(), set()
    split = data.split
    data.split = lambda name: read.add(name) or split(name)
    trainer = fit(method(kind), data, steps=1)
    assert read == set(trainer.train_dataloader) == splits


def rates_of(module) -> list[float]:
    """The rate of every step of a run of 60, and after the last, as a part of the highest."""
    module._trainer = SimpleNamespace(estimated_stepping_batches=60)
    schedule = module.scheduler(SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0))
    assert schedule["interval"] == "step"
    return [schedule["scheduler"].lr_lambdas[0](step) for step in range(61)]


def test_the_rate_rises_and_falls():
    rates = rates_of(RelationUnlearning(warmup=0.1, final_lr=0.2))
    assert rates[:7] == pytest.approx([(step + 1) / 7 for step in range(6)] + [1.0])
    assert rates[33] == pytest.approx(0.2 + 0.8 / 2)
    assert rates[60] == pytest.approx(0.2)
    assert rates[6:] == sorted(rates[6:], reverse=True)
    assert set(rates_of(RelationUnlearning(schedule="constant", warmup=0.0))) == {1.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1.0}, "--model.alpha: weights are 0 or more"),
        ({"vocab_text": -0.1}, "--model.vocab_text: weights"),
        ({"vocab_captions": 0}, "--model.vocab_captions: weights"),
        ({"vocab_shares": [0.5, 0.5]}, "vocab_shares are four parts"),
        ({"vocab_shares": [0.5, 0.5, 0.5, -0.5]}, "vocab_shares are four parts that add up to 1"),
        ({"warmup": 1.5}, r"--model.warmup and --model.final_lr are shares in \[0, 1\], not 1.5 and 0.1"),
        ({"final_lr": -0.1}, "not 0.1 and -0.1"),
        ({"push": "redirect", "towers": "image"}, "redirect moves captions"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message) as error:
        RelationUnlearning(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"), [({}, "no unrelated captions: set --model.tau"), ({"tau": 0.0}, "no safe captions to draw")]
)
def test_an_empty_vocabulary_is_refused(options, message):
    data = world()
    data.vocabulary = {0: [], 1: [], 2: [], 3: []}
    with pytest.raises(ValueError, match=message):
        fit(method(**options), data, steps=1)


def test_adapters_that_no_gradient_reaches_are_refused():
    class Half(PushOnly):
        def losses(self, unsafe):
            return {"half": self.texts(unsafe.captions)[0][0].sum()}

    with pytest.raises(ValueError, match="of the adapter have no gradient"):
        fit(method(Half, towers="both"), steps=1)


def test_the_abstract_method_is_no_method():
    with pytest.raises(TypeError, match="abstract"):
        RelationalUnlearning()


# -- runs without training, without end, and sizes of what is only encoded


class Untrained(RelationUnlearning):
    """Has nothing to train on."""

    train_splits = ()

    def losses(self):
        return {}


def test_a_method_without_training_splits_runs():
    module, data = method(Untrained), world()
    trainer = fit(module, data, steps=1)
    assert trainer.global_step == 0
    trainer.test(module, data, verbose=False)
    assert set(module.measurements["metrics"]) == {"original", "unlearned"}


def endless(**options):
    """A run that only its steps end."""
    module = method(**options)
    trainer = Trainer(max_epochs=-1, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[After(2)])
    trainer.fit(module, world())
    return trainer


class After(Callback):
    """Stops."""

    def __init__(self, steps):
        self.steps = steps

    def on_train_batch_end(self, trainer, *_):
        trainer.should_stop = trainer.global_step >= self.steps


def test_a_run_without_end_needs_a_constant_rate():
    for options in ({}, {"schedule": "constant"}):
        with pytest.raises(ValueError, match=r"a run without end has no schedule: set --trainer.max_epochs"):
            endless(**options)
    assert endless(schedule="constant", warmup=0.0).global_step == 2


def test_sizes_of_what_is_only_encoded_are_options(monkeypatch):
    """They change nothing but the memory that is needed."""
    sizes = {"images": [], "texts": []}
    image, text = OpenCLIP.encode_image, OpenCLIP.encode_text
    monkeypatch.setattr(OpenCLIP, "encode_image", lambda self, x: sizes["images"].append(len(x)) or image(self, x))
    monkeypatch.setattr(OpenCLIP, "encode_text", lambda self, x: sizes["texts"].append(len(x)) or text(self, x))
    found = []
    for few in (False, True):
        options = {"picture_batch_size": 5, "text_batch_size": 7} if few else {}
        module, data = method(**options), world(**({"eval_batch_size": 3} if few else {}))
        sizes["images"].clear()
        fit(module, data, steps=1)
        module.trainer.test(module, data, verbose=False)
        found.append((max(sizes["images"]), module.measurements["metrics"]["unlearned"]))
    assert [largest for largest, _ in found][1] == 5 < found[0][0]
    assert found[0][1]["direct/cosine"] == pytest.approx(found[1][1]["direct/cosine"], abs=1e-4)
    for option in ({"picture_batch_size": 0}, {"text_batch_size": 0}):
        with pytest.raises(ValueError, match="batch_size is a number of"):
            method(**option)
    with pytest.raises(ValueError, match=r"--data.eval_batch_size is a number of pictures"):
        world(eval_batch_size=0)
