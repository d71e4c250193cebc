"""Two processes that torchrun starts: the same global batches give the same weights, and every image counts once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import CONFIGS
from tests.reliability.processes import trained_and_measured
from tests.reliability.small_runs import cases, prepare

# One of each kind of batch, draw, mask, cache, edit and phase; the benchmark has every method.
NAMES = ("original", "rwft_o", "rwft_2_o-cached", "rw_a-cached", "salun", "unsir", "scrub", "random_labels", "boundary_expand",
         "gradient_ascent", "svd", "logit_mask-one-test-image", "relations-both", "relations-removal",
         "relations-sharded", "people-npo")  # fmt: skip
CASES = [case for case in cases(Path("original.safetensors"), epochs=1) if case.name in NAMES]
BOUNDS = {"people-npo": 1e-5}  # a process pads its questions to other lengths, and float32 logits depend on the length
MEASURED = ("original", "salun", "logit_mask-one-test-image", "relations-both", "people-npo")


def test_two_processes_do_what_one_does(tmp_path, monkeypatch):
    """Measured again, uneven and empty parts of a test set included, figures are the same; trained, weights up to rounding.

    One test, for whatever runs tests side by side must not start it all twice.
    """
    monkeypatch.setenv("PYTHONPATH", str(CONFIGS.parent))
    (tmp_path / "lightning_configs").symlink_to(CONFIGS)
    prepare(tmp_path)
    found = trained_and_measured(CASES, 2, Path("runs"), MEASURED, drawn=False)
    assert set(found["measured"]) == set(MEASURED)
    assert set(found["trained"]) == {case.name for case in CASES}
    assert set(NAMES) - {case.name for case in CASES} <= {"relations-sharded"}, "which needs PyTorch 2.7"
    assert all(len(differences) > 20 for differences in found["measured"].values())
    far = {name: max(values.values()) for name, values in found["measured"].items()}
    assert {name: value for name, value in far.items() if value > BOUNDS.get(name, 1e-6)} == {}
    assert {name: values["images_read"] for name, values in found["trained"].items() if values["images_read"]} == {}
    assert {name: values["weights"] for name, values in found["trained"].items() if values["weights"] > 1e-4} == {}


def test_processes_by_lightning_and_a_batch_that_cannot_be_shared(tmp_path, original_weights):
    command = [
        sys.executable,
        "-m",
        "oro_unlearn",
        "fit",
        "--config",
        str(CONFIGS / "digits/rwft_o.yaml"),
        "--data.forget",
        "[8]",
    ]
    command += ["--model.original", original_weights(CONFIGS / "digits/rwft_o.yaml"), "--trainer.max_epochs", "1"]
    command += ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.default_root_dir", "out"]
    command += ["--force", "true"]
    done = subprocess.run([*command, "--data.batch_size", "65"], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2
    assert "--data.batch_size 65 is over all processes: make it a multiple of their number, 2" in done.stderr
    assert done.stderr.count("oro-unlearn: error:") == 1, "said once, by one of the two"
    assert not Path("out/report.json").exists()
