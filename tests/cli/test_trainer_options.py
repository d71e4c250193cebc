"""Options of the trainer: precisions that are supported, figures in float32, and short runs without figures."""

import pytest
from safetensors.torch import load_file

from tests.conftest import CONFIGS, SHORT

DIGITS = CONFIGS / "digits"
EIGHT = ["--data.forget", "[8]", "--force", "true"]  # originals are random weights


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed", "bf16-true", "64-true"])
def test_training_runs_in_it_and_is_measured_in_float32(precision, run, report):
    words = ["fit", "--config", str(DIGITS / "original.yaml"), *SHORT, "--trainer.max_epochs", "1"]
    assert run(*words, "--trainer.precision", precision, "--trainer.default_root_dir", "out")[0] == 0
    assert {str(tensor.dtype) for tensor in load_file("out/model.safetensors").values()} == {"torch.float32", "torch.int64"}
    first = report("out")
    assert run("test", "--config", "out/config.yaml")[0] == 0
    assert report("out") == first


@pytest.mark.parametrize("precision", ["bf16-true", "64-true"])
@pytest.mark.parametrize("config", ["digits/rwft_o", "digits/logit_mask", "scenes/shield", "scenes/pretraining"])
def test_frozen_weights_are_not_rounded(config, precision, run, original_weights):
    words = [
        "fit",
        "--config",
        str(CONFIGS / f"{config}.yaml"),
        "--trainer.precision",
        precision,
        "--trainer.accelerator",
        "cpu",
    ]
    words += [] if config.startswith("scenes") else ["--model.original", original_weights(DIGITS / "rwft_o.yaml"), *EIGHT]
    code, message = run(*words, "--trainer.default_root_dir", "out")
    assert (code, message.count("\n")) == (2, 1)
    assert f"--trainer.precision {precision} is for Training and Retraining" in message


@pytest.mark.parametrize("precision", ["16-true", "transformer-engine"])
def test_what_loses_gradients_is_refused(precision, run):
    code, message = run("fit", "--config", str(DIGITS / "original.yaml"), "--trainer.precision", precision)
    assert code == 2
    assert f"--trainer.precision {precision} is not supported" in message


def test_a_dry_run_names_the_rehearsal(run):
    code, message = run("fit", "--config", str(DIGITS / "original.yaml"), "--trainer.fast_dev_run", "true")
    assert (code, message.count("\n")) == (2, 1)
    assert "'oro-unlearn check' with the same options tries one step and writes nothing" in message


def test_a_relational_test_needs_every_picture(run, relational):
    words = relational("--data.eval_batch_size", "4", "--trainer.limit_test_batches", "2")
    code, message = run("fit", *words, "--trainer.default_root_dir", "out")
    assert (code, message.count("\n")) == (2, 1)
    assert "--trainer.limit_test_batches 2 leaves out pictures" in message
