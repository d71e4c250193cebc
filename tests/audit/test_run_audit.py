"""The audit that ends a run."""

from pathlib import Path

import pytest

from oro_unlearn.attacks.classes import EFFORTS, Effort
from tests.conftest import CONFIGS, SHORT

NARROW = ["--model.network.init_args.width", "4"]  # relearning takes most of the time
FEW = [*NARROW, "--data.per_class", "20", "--data.test_per_class", "8", "--data.forget", "[8]"]
FEATURES = {"probe_5_shot", "probe_full", "relearn_10", "relearn_20", "silhouette", "cka_original"}


@pytest.fixture
def masked(run, report, original_weights):
    """Audit of a run of LogitMask at a level."""

    def audit(level: str, *words: str) -> dict:
        preset = CONFIGS / "digits/logit_mask.yaml"
        files = [original_weights(preset, *NARROW, name=f"{'x' * number}.safetensors") for number in (1, 2)]
        given = ["--model.original", files[0], "--model.retrained", f"[{files[1]}]", "--trainer.default_root_dir", "out"]
        code, message = run("fit", "--config", str(preset), *SHORT, *FEW, *given, *words, "--audit.level", level)
        assert code == 0, message
        return report("out")["audit"]

    return audit


@pytest.mark.features
def test_the_mask_has_the_features_of_its_original(masked, monkeypatch):
    little = Effort((4,), (2,), inversion_steps=2, restarts=1, patch_steps=1)
    monkeypatch.setitem(EFFORTS, "full", little)
    found = masked("features", "--audit.attacks", "full")
    figures = found["figures"]
    assert found["red_team"]["effort"] == "full"
    assert (figures["quantised_4/forgotten"]["edited"], figures["patch/excess"]["edited"]) == (0, None)
    assert figures["inversion/retained"]["original"] is None, "no model judges itself"
    assert figures["inversion/retained"]["edited"] is not None
    assert "inversion/forgotten" not in figures, "neither model has a value"
    page = Path("out/report.html").read_text()
    assert "Attacks of the red team" in page
    assert "4-bit weights: forgotten" in page
    assert found["level"] == "features"
    assert len(found["words"]) == 5
    assert set(figures) >= FEATURES
    assert figures["cka_original"]["edited"] == pytest.approx(1)
    assert figures["acc_f"]["edited"] == 0
    for name in ("probe_5_shot", "relearn_10", "silhouette"):
        assert figures[name]["edited"] == figures[name]["original"], name
    assert "relearn_50" not in figures


@pytest.mark.features
def test_the_level_says_what_is_measured(masked):
    found = masked("outputs", "--audit.attacks", "quick")
    assert not (FEATURES | {"quantised_8/forgotten"}) & set(found["figures"])
    assert "red_team" not in found
    assert any(line.startswith("Features: not measured:") and "--audit.level features" in line for line in found["words"])
    assert {"relearn_10", "relearn_50"} <= set(masked("all")["figures"])


@pytest.mark.features
def test_single_pictures_have_no_class_to_relearn(run, report, original_weights, tmp_path):
    preset = CONFIGS / "digits/original.yaml"
    (tmp_path / "gone.txt").write_text("0\n1\n2\n")
    words = ["--config", str(preset), "--config", str(CONFIGS / "methods/fine_tune.yaml"), *SHORT, "--audit.level", "features"]
    given = ["--model.original", original_weights(preset), "--data.forget_indices", "gone.txt", "--trainer.max_epochs", "1"]
    code, message = run("fit", *words, *given, "--trainer.default_root_dir", "out")
    assert code == 0, message
    found = report("out")["audit"]
    assert found["level"] == "outputs"
    assert any(line.startswith("Features: not measured:") and "whole classes" in line for line in found["words"])
