"""What methods promise: targets, frozen parts, statistics, exports, and which data they read."""

import inspect
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.nn.functional import cross_entropy

from oro_unlearn import methods
from oro_unlearn.data import Digits, Personas
from oro_unlearn.methods import RWFT, Batch, ClassUnlearning, GraphTraining, LogitMask, Training, UnlearningModule
from oro_unlearn.methods.classes.classifier import Classifier
from oro_unlearn.methods.personas.multimodal_model import MultimodalModel
from oro_unlearn.methods.relations.dual_encoder import DualEncoder
from oro_unlearn.networks import ResNet18, SmallCNN, save_weights
from tests.conftest import CONFIGS, ROOT

FORGET = [3, 8]
SHORTER = {  # what a method does before its first epoch, made small
    "AMUN": {"steps": 4, "rounds": 3},
    "UNSIR": {"noise_images": 16, "noise_steps": 4},
}


def every() -> list[type]:
    found = [getattr(methods, name) for name in methods.__all__]
    return [
        kind for kind in found if inspect.isclass(kind) and issubclass(kind, UnlearningModule) and not inspect.isabstract(kind)
    ]


def classes() -> list[type]:
    """Methods that forget classes."""
    return [kind for kind in every() if issubclass(kind, Classifier)]


def original() -> str:
    torch.manual_seed(1)
    network = SmallCNN(10, width=4)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    save_weights(network, "original.safetensors")
    return "original.safetensors"


def method(kind: type = RWFT, forget=FORGET, **kwargs) -> UnlearningModule:
    if issubclass(kind, ClassUnlearning):
        kwargs["original"] = original()
    return kind(network=lambda num_classes: SmallCNN(num_classes, width=4), num_classes=10, forget_classes=forget, **kwargs)


def loaded(**kwargs) -> RWFT:
    module = method(**kwargs)
    module.setup("fit")
    return module.eval()


def fit(module: UnlearningModule, epochs: int = 1, **kwargs) -> Trainer:
    trainer = Trainer(
        max_epochs=epochs if module.train_splits else 0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        limit_train_batches=3,
        **kwargs,
    )
    trainer.fit(module, Digits(forget=FORGET, per_class=40))
    return trainer


def batch(count: int = 16) -> Batch:
    labels = torch.tensor(FORGET * count)[:count]
    return Batch(torch.randn(count, 1, 16, 16), labels, torch.arange(count))


def test_q_star_is_the_original_without_the_forgotten_classes():
    module, forget = loaded(), batch()
    p = module.original_logits(forget.images).double().softmax(1)
    q = p.clone()
    q[:, FORGET] = 0
    q /= q.sum(1, keepdim=True)
    assert torch.allclose(module.targets(forget).double(), q, atol=1e-6)
    kl = (q * (q.clamp(min=1e-300) / p).log()).sum(1)
    assert torch.allclose(kl, -torch.log1p(-p[:, FORGET].sum(1)), atol=1e-9), "KL(q* || p) = -log(1 - p(F))"


@pytest.mark.parametrize("margin", [16.0, 18.0, 25.0, 80.0])
def test_q_star_is_exact_where_renormalising_probabilities_is_not(margin):
    module = loaded(forget=[3])
    logits = torch.randn(4, 10)
    logits[:, 3] = margin + logits.amax(1)
    q = module.reweighted(logits)
    retained = [label for label in range(10) if label != 3]
    assert torch.allclose(q[:, retained], logits[:, retained].softmax(1))
    assert (q[:, 3] == 0).all()
    assert torch.allclose(q.sum(1), torch.ones(4))


def test_max_target_moves_all_forgotten_mass_to_one_class():
    module, forget = loaded(target="max"), batch()
    p, q = module.original_logits(forget.images).softmax(1), module.targets(forget)
    assert torch.allclose(q.sum(1), torch.ones(16))
    assert (q[:, FORGET] == 0).all()
    retained = p.clone()
    retained[:, FORGET] = 0
    changed = q - retained
    assert torch.equal((changed > 1e-7).sum(1), torch.ones(16, dtype=torch.long))
    assert torch.equal(changed.argmax(1), retained.argmax(1))


def test_tilt():
    plain, untilted, tilted = loaded(), loaded(target="tilt", tilt=0.0), loaded(target="tilt", tilt=10.0, tilt_dimensions=4)
    forget = batch()
    assert torch.allclose(untilted.targets(forget), plain.targets(forget))
    similarity = tilted.similarity()
    assert similarity.shape == (10, 10)
    assert (similarity[:, FORGET] == 0).all()
    assert torch.allclose(similarity.sum(1), torch.ones(10))
    expected = plain.targets(forget) * (10 * similarity[forget.labels]).exp()
    assert torch.allclose(tilted.targets(forget), expected / expected.sum(1, keepdim=True), atol=1e-5)


def test_losses_of_rwft():
    forget, retain = batch(), Batch(torch.randn(8, 1, 16, 16), torch.zeros(8, dtype=torch.long), torch.arange(8))
    labelled, distilled, alone = loaded(forget_weight=2.0), loaded(retain="distill"), loaded(retain="none")
    found = labelled.losses(forget, retain)
    logits = labelled(forget.images)
    soft = -(labelled.targets(forget) * logits.log_softmax(1)).sum(1).mean()
    assert found["forget"].item() == pytest.approx(2 * soft.item(), rel=1e-5)
    assert found["retain"].item() == pytest.approx(float(cross_entropy(labelled(retain.images), retain.labels)), rel=1e-5)
    q = distilled.reweighted(distilled.original_logits(retain.images))
    assert float(distilled.losses(forget, retain)["retain"]) == pytest.approx(
        float(cross_entropy(distilled(retain.images), q)), rel=1e-5
    )
    assert set(alone.losses(forget)) == {"forget"}


def test_the_mask_is_the_optimum_of_rwft():
    """For every image, forgotten or not, the mask's probabilities are RWFT's target."""
    module, images = method(LogitMask), torch.randn(16, 1, 16, 16)
    module.setup("fit")
    target = loaded()
    module.on_fit_start()
    module.eval()
    logits = module(images)
    assert (logits[:, FORGET] == -torch.inf).all()
    retained = [label for label in range(10) if label not in FORGET]
    assert torch.equal(logits[:, retained], module.original_logits(images)[:, retained])
    assert torch.allclose(logits.softmax(1), target.reweighted(target.original_logits(images)))
    assert all(p.isfinite().all() for name, p in module.export().named_parameters() if name != "fc.bias")


@pytest.mark.parametrize(
    ("options", "trained"),
    [
        ({"update": "all"}, ("layer1", "layer2", "layer3", "fc")),
        ({"update": ["layer3", "fc"], "batchnorm": "eval"}, ("layer3", "fc")),
        ({"update": ["layer2"]}, ("layer2",)),
        ({"update": "adapters"}, ("layer3.adapter", "fc.adapter")),
    ],
    ids=["RWFT-O", "RWFT-2-O", "one layer", "RW-A"],
)
def test_what_is_frozen_stays_bit_identical(options, trained):
    """Weights, statistics and counters: momentum and weight decay included."""
    module = method(optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1), **options)
    before = SmallCNN(10, width=4)
    from oro_unlearn.networks import load_weights

    load_weights(before, original())
    fit(module, epochs=2)
    after = module.network.state_dict()
    plain = {name.replace(".layer.", ".") if options["update"] == "adapters" else name: value for name, value in after.items()}
    for name, value in before.state_dict().items():
        changed = not torch.equal(plain[name], value)
        statistics = "running" in name or "num_batches" in name
        frozen = not name.startswith(trained) or (statistics and options.get("batchnorm") == "eval")
        assert changed is not frozen, name
    kept = module.original.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in before.state_dict().items()), "the original moved"


@pytest.mark.parametrize("policy", ["train", "eval"])
def test_batchnorm_policy_is_held(policy):
    module = method(batchnorm=policy)
    before = None
    module.setup("fit")
    before = deepcopy(module.network.layer1[1].running_mean)
    fit(module)
    assert torch.equal(module.network.layer1[1].running_mean, before) is (policy == "eval")


def test_statistics_without_weights_follow_the_whole_network():
    module = method()
    module.network.layer1[1] = nn.BatchNorm2d(4, affine=False)
    module.train()
    assert module.network.layer1[1].training
    module.network.fc.requires_grad_(False)
    module.train()
    assert not module.network.layer1[1].training
    assert module.network.layer2[1].training


@pytest.mark.parametrize("options", [{"retain": "none", "batchnorm": "eval"}, {"retain": "ce"}, {"retain": "distill"}])
def test_forget_only_methods_never_read_the_retain_set(options):
    trainer = fit(method(**options))
    assert set(trainer.train_dataloader) == ({"forget"} if options["retain"] == "none" else {"forget", "retain"})


def test_forgetting_without_retain_in_training_mode_is_warned_of():
    with pytest.warns(UserWarning, match="overwrite the statistics"):
        method(retain="none", batchnorm="train")


def test_an_epoch_is_one_pass_of_the_longest_or_of_the_shortest_split():
    steps = {}
    for mode in ("max_size_cycle", "min_size"):
        module = method(loader_mode=mode)
        trainer = Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
        trainer.fit(module, Digits(forget=FORGET, batch_size=64))
        steps[mode] = trainer.global_step
    data = Digits(forget=FORGET)
    assert steps["max_size_cycle"] == -(-len(data.split("retain")) // 64)
    assert steps["min_size"] == -(-len(data.split("forget")) // 64)


def test_exported_adapters_are_the_network_that_was_measured():
    module = method(update="adapters", optimizer=lambda p: torch.optim.SGD(p, lr=0.1))
    fit(module, epochs=3)
    images = torch.randn(16, 1, 16, 16)
    exported = module.export()
    module.eval()
    assert list(exported.state_dict()) == list(SmallCNN(10, width=4).state_dict())
    assert torch.allclose(exported(images), module(images), atol=1e-4)
    assert not torch.allclose(exported(images), module.original_logits(images), atol=1e-2)


def test_a_layer_that_cannot_be_adapted_is_answered_with_one_that_can():
    network = ResNet18(10, width=4, in_channels=1)
    save_weights(network, "resnet.safetensors")
    options = {"original": "resnet.safetensors", "num_classes": 10, "forget_classes": FORGET, "update": "adapters"}
    module = RWFT(network=lambda num_classes: ResNet18(num_classes, 4, 1), adapter_layer="layer3.1", **options)
    with pytest.raises(ValueError, match=r"cannot be folded exactly .*: set --model\.adapter_layer layer3$"):
        fit(module)


def test_setup_for_test_keeps_the_edited_weights():
    module = method()
    fit(module)
    edited = {name: value.clone() for name, value in module.network.state_dict().items()}
    module.setup("test")
    assert all(torch.equal(value, edited[name]) for name, value in module.network.state_dict().items())


def test_target_is_full_precision_under_mixed_precision():
    module = loaded()
    with torch.autocast("cpu", torch.bfloat16):
        forget = batch()
        mixed = module.targets(forget)
    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, module.targets(forget))


def test_every_method_is_of_one_kind():
    """Those of relations are tested by themselves in test_relations.py, those of people and graphs in folders of their own."""
    kinds = (Classifier, DualEncoder, MultimodalModel, GraphTraining)
    assert all(sum(issubclass(method, kind) for kind in kinds) == 1 for method in every())


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_method_trains_and_is_documented(kind):
    module = method(kind, forget=[] if kind is Training else FORGET, **SHORTER.get(kind.__name__, {}))
    fit(module)
    docstring = inspect.getdoc(kind)
    if "__init__" in vars(kind):
        own = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "kwargs")]
        assert all(f"{name}:" in docstring for name in own)
    assert module.seconds > 0


def test_every_method_has_a_config():
    text = "".join(path.read_text() for folder in ("digits", "methods") for path in CONFIGS.glob(f"{folder}/*.yaml"))
    assert all(f"class_path: {kind.__name__}\n" in text for kind in classes())


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_every_method_has_a_page_and_a_row_in_the_comparison(kind):
    from oro_unlearn.compare.searches import ENTRIES

    presets = [path for path in CONFIGS.glob("methods/*.yaml") if f"class_path: {kind.__name__}\n" in path.read_text()]
    assert {path.stem for path in presets} <= {entry.preset for entry in ENTRIES.values()}
    if issubclass(kind, ClassUnlearning):
        assert presets
        pages = "".join(path.read_text() for path in (ROOT / "docs/methods").glob("*.md"))
        assert all(f"methods/{path.name}" in pages for path in presets)


def test_the_number_of_classes_must_be_known():
    with pytest.raises(ValueError, match="number of classes is not known"):
        Training(network=SmallCNN, num_classes=None)


def test_a_classifier_needs_labelled_pictures():
    Training(network=SmallCNN, num_classes=10).check_data(Digits())
    with pytest.raises(ValueError, match="Training is for labelled pictures, and Personas has none"):
        Training(network=SmallCNN, num_classes=10).check_data(Personas())


def test_a_method_of_the_users_own(run, report, original_weights):
    """DESIGN's example: one file, one hook, the command line by import path."""
    from tests.conftest import SHORT

    weights = original_weights(CONFIGS / "digits/rwft_o.yaml")
    config = Path("mine.yaml")
    config.write_text(
        "model:\n  class_path: tests.methods.gradient_difference.GradientDifference\n  init_args:\n"
        f"    original: {weights}\n    retain_weight: 2.0\n"
        "    network: {class_path: oro_unlearn.networks.SmallCNN}\n"
        "data: {class_path: Digits, init_args: {forget: [1]}}\n"
    )
    code, message = run(
        "fit", "--config", str(config), *SHORT, "--trainer.max_epochs", "1", "--trainer.default_root_dir", "out"
    )
    assert code == 0, message
    assert report("out")["method"] == "GradientDifference"
    code, message = run("fit", "--config", str(config), "--model.retain_wait", "1")
    assert (code, "retain_wait" in message) == (2, True)
