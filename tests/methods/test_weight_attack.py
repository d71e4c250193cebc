"""Attacks on the weights in a measurement: on copies, from training pairs, the same every time."""

import pytest
import torch
from lightning.pytorch import Trainer

from oro_unlearn.audit.relation_groups import WEIGHT_FIGURES, WEIGHTS
from oro_unlearn.methods.relations import weight_attack
from oro_unlearn.methods.relations.weight_attack import WEIGHT_EFFORTS, attack_weights
from tests.small_world import method, world

TINY = WEIGHT_EFFORTS["full"]._replace(pairs=(1, 16, 64), bits=(8,), pruned=(30,), scales=(50,), retained=6, kept=6)


def test_every_model_is_attacked_on_copies_and_from_training_pairs(monkeypatch):
    """In Lightning's test loop; the original gets the same training, and has no adapter of its own."""
    monkeypatch.setitem(WEIGHT_EFFORTS, "full", TINY)
    monkeypatch.setattr("oro_unlearn.methods.relations.dual_encoder.attack_models", lambda *_: {})
    seen, own = [], weight_attack.relearn
    monkeypatch.setattr(weight_attack, "relearn", lambda *given: (seen.append(given[1:4]), own(*given[:4], batch=4, steps=2)))
    module, data = method(), world(pairs=10)
    module.attacks = "full"
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    module.setup("test")
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    random = []

    def observed(*given):
        random.append(torch.get_rng_state())
        found = attack_weights(*given)
        random.append(torch.get_rng_state())
        return found

    monkeypatch.setattr("oro_unlearn.methods.relations.dual_encoder.attack_weights", observed)
    trainer.test(module, data, verbose=False)
    assert torch.equal(*random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    metrics, details = (module.measurements[name] for name in ("metrics", "details"))
    attacks = {role: {key for key in found if key.partition("/")[0] in WEIGHTS} for role, found in metrics.items()}
    expected = {"no_attack", "relearn_1", "relearn_16", "relearn_64", "quantised_8", "pruned_30"}
    own_alone = {"relearn_1_adapter", "relearn_16_adapter", "relearn_64_adapter", "arithmetic_50"}
    assert attacks["original"] == {f"{name}/{figure}" for name in expected for figure in WEIGHT_FIGURES}
    assert attacks["unlearned"] == {f"{name}/{figure}" for name in expected | own_alone for figure in WEIGHT_FIGURES}
    # an adapter that was not trained changes nothing, and the same seed gives the same attack
    assert all(metrics["original"][key] == pytest.approx(metrics["unlearned"][key]) for key in attacks["original"])
    told = details["unlearned"]["weights"]
    assert told["pairs"] == {"relearn_1": 1, "relearn_16": 10, "relearn_64": 10}, "all there are"
    assert len(seen) == 2 + 2 + 2, "the same pairs are trained on once: the original, the edited model, its adapter"
    assert metrics["unlearned"]["relearn_16/r5"] == metrics["unlearned"]["relearn_64/r5"]
    trained, measured = data.split("unsafe"), data.measured
    known = {trained.image(row).numpy().tobytes() for row in range(len(trained))}
    shown = {measured.images.image(row).numpy().tobytes() for row in range(len(measured.pictures))}
    used = {image.numpy().tobytes() for forgotten, _, _ in seen for image in forgotten.images}
    assert used <= known
    assert not used & shown
    assert {seed for _, _, seed in seen} == {told["seed"]}
