"""Two processes that torchrun starts: the same global batches give the same weights, and every image counts once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.reliability.processes import trained_and_measured
from benchmarks.reliability.small_runs import cases, prepare
from tests.conftest import CONFIGS

pytestmark = pytest.mark.xdist_group("processes")  # one worker runs both processes, once
# One of each kind of batch, draw, mask, cache, edit and phase; the benchmark has every method.
NAMES = ("original", "rwft_o", "rwft_2_o-cached", "rw_a-cached", "salun", "unsir", "scrub", "random_labels", "boundary_expand",
         "gradient_ascent", "svd", "logit_mask-one-test-image", "relations-both", "relations-sharded")  # fmt: skip
CASES = [case for case in cases(Path("original.safetensors"), epochs=1) if case.name in NAMES]
MEASURED = ("original", "salun", "logit_mask-one-test-image", "relations-both")


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """Of every method's run, by one process and by two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("processes"))
        patch.setenv("PYTHONPATH", str(CONFIGS.parent))
        Path("lightning_configs").symlink_to(CONFIGS)
        prepare(Path())
        return trained_and_measured(CASES, 2, Path("runs"), MEASURED)


@pytest.mark.parametrize("name", MEASURED)
def test_two_processes_measure_what_one_measures(name, differences):
    """Uneven and empty parts of a test set included."""
    found = differences["measured"][name]
    assert len(found) > 20
    assert max(found.values()) < 1e-6


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_processes_train_what_one_trains(case, differences):
    found = differences["trained"][case.name]
    assert found["images_read"] == 0
    assert found["weights"] < 1e-4, "rounding alone"


def test_processes_by_lightning_and_a_batch_that_cannot_be_shared(tmp_path, original_weights):
    command = [sys.executable, "-m", "oro_unlearn", "fit", "--config", str(CONFIGS / "digits/rwft_o.yaml")]
    command += ["--model.original", original_weights(CONFIGS / "digits/rwft_o.yaml"), "--trainer.max_epochs", "1"]
    command += ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.default_root_dir", "out"]
    done = subprocess.run([*command, "--data.batch_size", "65"], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 2
    assert "--data.batch_size 65 is over all processes: make it a multiple of their number, 2" in done.stderr
    assert not Path("out/report.json").exists()
