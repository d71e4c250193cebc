"""An audit of any classifier, from weights and from saved outputs."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import one_hot

from oro_unlearn.audit import Asked, audit_model, findings, read_outputs, rows, words
from oro_unlearn.cli import audit_command, main, verification_models
from oro_unlearn.user_error import UserError
from tests.conftest import CONFIGS
from tests.small_world import ONE_BATCH

FORGOTTEN, CLASSES = 2, 4
FEW = ("--data.per_class", "20", "--data.test_per_class", "8", "--trainer.accelerator", "cpu", "--data.forget", "[8]")


def outputs(path: str, knows: bool, seed: int) -> str:
    """Logits that are right, but for a class that is not known: its images look like the class below it."""
    generator = np.random.default_rng(seed)
    arrays = {}
    for split, labels, count in (
        ("retain", (0, 1, 3), 40),
        ("forget", (2,), 40),
        ("test_retain", (0, 1, 3), 20),
        ("test_forget", (2,), 20),
    ):
        own = np.repeat(labels, count)
        seen = own if knows else np.where(own == FORGOTTEN, FORGOTTEN - 1, own)
        arrays[f"{split}_labels"] = own
        certain = 4 * one_hot(torch.from_numpy(seen), CLASSES).numpy()
        arrays[f"{split}_logits"] = (certain + generator.normal(size=(len(own), CLASSES))).astype(np.float32)
    np.savez(path, **arrays)
    return path


@pytest.fixture
def archives(tmp_path):
    """An edited model that forgot nothing, its original, and three retrained models."""
    for seed in range(3):
        outputs(f"retrained{seed}.npz", knows=False, seed=10 + seed)
    outputs("original.npz", knows=True, seed=1)
    outputs("good.npz", knows=False, seed=2)
    return ["--original", "original.npz", "--retrained", "[retrained0.npz, retrained1.npz, retrained2.npz]"]


def audited(*options: str) -> dict:
    main(["audit", *options, "--output", "audit"])
    return json.loads(Path("audit/audit.json").read_text())


def test_outputs_of_a_model_that_forgot_are_inside_and_those_of_the_original_are_not(archives, capsys):
    outputs("kept.npz", knows=True, seed=3)
    good, kept = (audited("--edited", name, *archives) for name in ("good.npz", "kept.npz"))
    assert good["figures"]["utv_test"]["retrained"]["verdict"] == "inside"
    assert kept["figures"]["utv_test"]["retrained"]["verdict"] == "outside"
    assert kept["figures"]["acc_f"]["edited"] > 0.8
    assert good["level"] == kept["level"] == "outputs"
    assert "Features: not measured: they need weights." in good["said_first"]
    assert ", more than chance explains" in kept["said_first"][1]
    assert ", no more than chance explains" in good["said_first"][1]
    assert "written to audit/audit.json" in capsys.readouterr().out
    assert kept["redirection"]["unlearned"]["2"] == kept["figures"]["acc_f"]["edited"]
    assert {len(row) for row in kept["confusion"]} == {CLASSES}
    assert {role: sum(groups["forget"]) for role, groups in kept["confidences"]["counts"].items()} == {
        "original": 40,
        "unlearned": 40,
        "retrained": 3 * 40,
    }
    assert "kept.npz" in Path("audit/report.html").read_text()
    assert "Forgotten: no" in Path("audit/report.md").read_text()


def test_leakage_is_bounded_beside_the_original_and_retrained_models(archives, capsys):
    arrays = dict(np.load("good.npz"))
    arrays["forget_logits"] = arrays["forget_logits"] + 9 * np.eye(CLASSES, dtype=np.float32)[FORGOTTEN]
    np.savez("leaky.npz", **arrays)
    found = audited("--edited", "leaky.npz", *archives, "--epsilon")
    bounds = {file: bound["epsilon"] for file, bound in found["epsilon"]["models"].items()}
    assert bounds["leaky.npz"] > 0.5
    assert set(bounds.values()) - {bounds["leaky.npz"]} == {0}
    assert found["epsilon"]["models"]["leaky.npz"]["delta"] == 1e-5
    assert "never a certificate" in " ".join(capsys.readouterr().out.split())
    assert "epsilon" not in audited("--edited", "good.npz")


def test_five_lines_and_five_columns(archives):
    models = {name: read_outputs(f"{name}.npz") for name in ("good", "original", "retrained0", "retrained1", "retrained2")}
    retrained = [models[f"retrained{seed}"] for seed in range(3)]
    others = [[model for model in retrained if model is not own] for own in retrained]
    figures = audit_model(models["good"], retrained, {}, [FORGOTTEN])
    beside = [audit_model(own, rest, {}, [FORGOTTEN]) for own, rest in zip(retrained, others, strict=True)]
    found = findings(figures, audit_model(models["original"], retrained, {}, [FORGOTTEN]), beside)
    assert {len(row) for row in rows(found)} == {5}
    assert len(words(Asked("2", 40, 20, 0, CLASSES), found, 3, "they need weights")) == 5


def test_without_retrained_models_it_says_what_cannot_be_judged(archives):
    found = audited("--edited", "good.npz", "--original", "original.npz")
    assert {figure["retrained"] for figure in found["figures"].values()} == {None}
    assert "that needs three retrained models, not 0" in found["said_first"][-1]


def test_weights_are_run_once_and_anything_else_again(original_weights, monkeypatch):
    preset = CONFIGS / "digits/original.yaml"
    narrow = ("--model.network.init_args.width", "4")  # relearning takes most of the time
    files = [original_weights(preset, *narrow, name=f"{'x' * number}.safetensors") for number in range(1, 6)]
    given = [
        "--config",
        "digits/original.yaml",
        *FEW,
        *narrow,
        "--original",
        files[1],
        "--retrained",
        f"[{', '.join(files[2:])}]",
        "--force",
    ]
    first = audited("--edited", files[0], *given)
    assert {"probe_5_shot", "relearn_20", "silhouette", "cka_original", "cka_retrained", "utv_test"} <= set(first["figures"])
    assert {"quantised_8/forgotten", "retain_tuning_10", "feature_lira/outside"} <= set(first["figures"])
    assert first["red_team"]["effort"] == "quick"
    assert first["said_first"][-5].startswith("Asked: forget 8; 20 training and 8 test images")
    with monkeypatch.context() as patch:
        patch.setattr("oro_unlearn.audit.one_model.scored", lambda *_: pytest.fail("run again"))
        assert audited("--edited", files[0], *given) == first
        for other in (("--data.test_per_class", "7"), ("--level", "outputs"), ("--audit.attacks", "none")):
            with pytest.raises(pytest.fail.Exception, match="run again"):
                audited("--edited", files[0], *given, *other)
    outputs_alone = audited("--edited", files[0], *given, "--level", "outputs")["figures"]
    assert outputs_alone == {key: value for key, value in first["figures"].items() if key in outputs_alone}
    assert set(outputs_alone) & {"cka_original", "silhouette", "relearn_20"} == set()


def test_verification_models_are_trained_once_and_kept(original_weights, monkeypatch, capsys):
    """One of the six is really trained, the others have its weights with noise. No model is really attacked."""
    edited = original_weights(CONFIGS / "digits/original.yaml", name="edited.safetensors")
    short = ("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", "--trainer.limit_test_batches", "1")
    given = ["--edited", edited, "--config", "digits/original.yaml", *FEW, *short, "--verify", "3", "--force"]
    trained: list[verification_models.Small] = []
    train = verification_models._train

    def short_cut(model: verification_models.Small) -> None:
        trained.append(model)
        if len(trained) == 1:
            return train(model)
        model.folder.mkdir(parents=True, exist_ok=True)
        state = load_file(trained[0].weights)
        noisy = {
            name: part + 0.02 * torch.randn_like(part) if part.is_floating_point() else part for name, part in state.items()
        }
        save_file(noisy, model.weights)
        (model.folder / "report.json").write_text("{}")

    def attack(network: torch.nn.Module, *_: object) -> dict[str, float]:
        return {"relearn_10": 0.5, "silhouette": float(network.fc.bias.detach().mean())}

    monkeypatch.setattr(verification_models, "_train", short_cut)
    monkeypatch.setattr("oro_unlearn.audit.one_model.attack_features", attack)
    first = audited(*given)
    assert len({model.folder for model in trained}) == 6
    assert all(model.finished for model in trained)
    report = json.loads((trained[0].folder / "report.json").read_text())
    assert (report["method"], report["config"]["data"]["init_args"]["train_share"]) == ("Retraining", 0.15)
    assert "3 on 27 images each and 3 on 72 images each, by the recipe digits/retrained.yaml" in capsys.readouterr().out
    found = first["verification"]
    assert found["answer"] in ("residue found", "no residue found by this test")
    assert [len(models) for models in found["models"].values()] == [3, 3]
    assert first["verdict"]["lines"]["recovery"]["answer"] == ("no" if found["residue"] else "not decided")
    assert first["verdict"]["lines"]["looks"]["answer"] == "not decided"
    (trained[4].folder / "report.json").unlink()
    again = audited(*given)
    assert [model.folder for model in trained[6:]] == [trained[4].folder], "only what was not finished"
    assert again["figures"] == first["figures"]


def test_the_free_control_is_audited_and_nan_is_refused(original_weights, capsys):
    preset = CONFIGS / "digits/original.yaml"
    state = load_file(original_weights(preset, name="original.safetensors"))
    for name, value in (("mask", -math.inf), ("nan", math.nan)):
        bias = state["fc.bias"].clone()
        bias[8] = value
        save_file(state | {"fc.bias": bias}, f"{name}.safetensors")
    given = ["--config", "digits/original.yaml", *FEW, "--original", "original.safetensors", "--force"]
    found = audited("--edited", "mask.safetensors", *given)["figures"]
    assert found["acc_f"]["edited"] == 0
    assert found["cka_original"]["edited"] == pytest.approx(1), "the mask removes nothing from the features"
    assert found["silhouette"]["edited"] == found["silhouette"]["original"]
    with pytest.raises(SystemExit):
        audited("--edited", "nan.safetensors", *given)
    assert "nan.safetensors has NaN or infinite values in fc.bias" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--edited", "nope.npz"], "outputs nope.npz not found"),
        (["--edited", "good.npz", "--original", "a.safetensors"], "give outputs (.npz) of all models, or weights of all"),
        (["--edited", "good.npz", "--original", "good.npz"], "one file is given twice"),
        (["--edited", "a.safetensors"], "name data and network with --config"),
        (["--edited", "a.safetensors", "--config", "digits/original.yaml"], "no class to forget is named"),
        (["--edited", "a.safetensors", "--config", "digits/original.yaml", "--data.forget", "[8]"], "a.safetensors not found"),
        (["--edited", "a.pt", "--config", "scenes/shield.yaml"], "checkpoint a.pt not found"),
        (["--edited", "good.npz", "--retrained", "{a: 1}"], "--retrained takes a list of files"),
        (["--original", "good.npz"], "the following arguments are required: --edited"),
        (
            ["--edited", "good.npz", "--original", "retrained0.npz"],
            "was given as the original and knows the forgotten classes no",
        ),
        (["--edited", "good.npz", "--retrained", "[original.npz]"], "was given as retrained and recalls"),
        (["--edited", "good.npz", "--levl", "outputs"], "outputs (.npz) need no data and no network: leave out --levl"),
        (["--edited", "good.npz", "--verify", "3"], "saved outputs (.npz) have no weights"),
        (["--edited", "a.pt", "--config", "scenes/shield.yaml", "--verify", "3"], "relations have no classes"),
        (["--edited", "a.pt", "--config", "scenes/shield.yaml", "--epsilon"], "the outputs of classifiers"),
        (["--edited", "a.pt", "--config", "digits/original.yaml", "--verify", "2"], "--verify takes 3 or more models"),
        (["--edited", "a.pt", "--config", "digits/original.yaml", "--verify", "3", "--level", "outputs"], "compares features"),
        (["--edited", "a.pt", "--retrained", "b.pt", "--config", "digits/original.yaml", "--verify", "3"], "not both"),
        (["--edited", "good.npz", "--delta", "0.1"], "--delta belongs to --epsilon"),
        (["--edited", "good.npz", "--epsilon", "--delta", "1"], "--delta is a probability in [0, 1)"),
        (["--edited", "text.npz"], "text.npz cannot be read as a NumPy archive"),
        (["--edited", "pickle.npz"], "pickle.npz cannot be read as a NumPy archive"),
        (["--edited", "few.npz"], "few.npz lacks forget_logits, forget_labels"),
        (["--edited", "nan.npz"], "nan.npz: retain_logits has NaN or infinite values"),
        (["--edited", "shape.npz"], "must be (N, K) and (N,)"),
        (["--edited", "good.npz", "--original", "other.npz"], "both need the same images in the same order"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(words, message, archives, capsys):
    arrays = dict(np.load("good.npz"))
    Path("text.npz").write_text("no archive")
    np.savez("pickle.npz", retain_logits=np.array([{}], dtype=object))
    np.savez("few.npz", **{name: value for name, value in arrays.items() if not name.startswith("forget")})
    np.savez("nan.npz", **{**arrays, "retain_logits": arrays["retain_logits"] * np.nan})
    np.savez("shape.npz", **{**arrays, "retain_logits": arrays["retain_logits"][0]})
    np.savez("other.npz", **{**arrays, "retain_labels": arrays["retain_labels"][::-1]})
    with pytest.raises(SystemExit) as stop:
        main(["audit", *words, "--output", "audit"])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("oro-unlearn: error: ") == 1
    assert message in error
    assert not Path("audit").exists()


def test_options_of_the_preset_may_stand_anywhere():
    words = ["--data.forget", "[8]", "--config=a.yaml", "--model.network", "my.Net", "--config", "b.yaml"]
    built = audit_command._words(words, "Training")
    assert built[:5] == ["--config=a.yaml", "--config", "b.yaml", "--model", "Training"]
    assert built[5:9] == ["--data.forget", "[8]", "--model.network", "my.Net"]
    with pytest.raises(UserError, match="name data and network"):
        audit_command._words(["--data.forget", "[8]"], "Training")


def test_a_relational_edit_has_the_figures_of_its_own_run(finished, relational, capsys):
    """From merged weights and from the adapter alike."""
    words = relational("--data.forget", "child eating hamburger", *ONE_BATCH)
    given = [word for word in words if word not in ("--force", "true")]
    own = json.loads((finished / "report.json").read_text())
    for edited in ("model.safetensors", "adapter"):
        content = audited("--edited", str(finished / edited), *given)
        figures = content["metrics"]
        assert set(figures) == {"original", "unlearned"}
        for role in figures:
            assert figures[role] == {key: pytest.approx(value, abs=1e-4) for key, value in own["metrics"][role].items()}
        assert len(content["audit"]["words"]) == 6
        assert content["audit"]["removal"]["answer"] == "not searched", "so the options ask"
        assert content["files"][str(finished / edited)]
    assert "Asked: forget child eating hamburger" in capsys.readouterr().out
