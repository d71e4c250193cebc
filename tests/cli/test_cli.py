"""The command line: what it writes, what it refuses, and what it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from oro_unlearn import methods
from oro_unlearn.cli import build, main
from oro_unlearn.files import sha256
from oro_unlearn.report.provenance import package_sources
from tests.conftest import CONFIGS, SHORT
from tests.undrawn import undrawn

DIGITS = CONFIGS / "digits"
EIGHT = ["--data.forget", "[8]", "--force", "true", "--audit.level", "outputs", "--data.per_class", "40"]  # random weights
ONE_EPOCH = [*SHORT, "--trainer.max_epochs", "1"]


def contents(folder: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def masking(weights):
    """Words of a run of LogitMask into ``out``."""
    config = str(DIGITS / "logit_mask.yaml")
    return ["--config", config, *EIGHT, "--model.original", weights, "--trainer.default_root_dir", "out"]


def test_our_own_errors_keep_their_traceback(run, monkeypatch):
    monkeypatch.setattr(methods.Training, "losses", lambda self, **batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("fit", "--config", str(DIGITS / "original.yaml"), *ONE_EPOCH)


def test_a_failed_request_leaves_a_finished_run_as_it_was(run, original_weights):
    weights = original_weights(DIGITS / "rwft_o.yaml")
    command = ["fit", "--config", str(DIGITS / "rwft_o.yaml"), *EIGHT, *ONE_EPOCH, "--trainer.default_root_dir", "out"]
    assert run(*command, "--model.original", weights)[0] == 0
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    assert run(*command, "--model.original", "nope.pt")[0] == 2
    assert run(*command, "--model.original", weights, "--data.forget", "[cat]")[0] == 2
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before


@pytest.mark.pictures
def test_report_and_test(run, report, original_weights, capsys):
    weights = original_weights(DIGITS / "rw_a.yaml")
    others = [original_weights(DIGITS / "rw_a.yaml", name=f"{'r' * n}.safetensors") for n in (1, 2, 3)]
    command = [
        "--config",
        str(DIGITS / "rw_a.yaml"),
        *EIGHT,
        "--model.original",
        weights,
        "--model.retrained",
        f"[{', '.join(others)}]",
    ]
    command += ["--trainer.default_root_dir", "out", "--trainer.enable_progress_bar", "false"]
    assert run("fit", *command, "--trainer.max_epochs", "1")[0] == 0
    first = report("out")
    keys = {"method", "data", "network", "forget", "seed", "versions", "hardware", "seconds", "metrics"}
    assert keys <= set(first)
    assert (first["method"], first["data"], first["network"], first["forget"]) == ("RWFT", "digits", "SmallCNN", ["8"])
    metrics = first["metrics"]
    assert set(metrics) == {"original", "unlearned", "retrained"}
    assert set(metrics["retrained"]) == {"mean", "std"}
    assert {"test/acc_f", "test/acc_r", "train/mia", "test/nn_member_rate", "test/utv", "test/utv_floor"} <= set(
        metrics["unlearned"]
    )
    for role in ("original", "unlearned"):
        assert metrics[role]["test/utv_floor"] == pytest.approx(metrics["retrained"]["mean"]["test/utv"])
    assert first["seconds"] > 0
    assert set(first["redirection"]) == {"original", "unlearned", "retrained"}
    assert sum(first["redirection"]["unlearned"].values()) == pytest.approx(1)
    assert (Path("out") / "redirection.png").stat().st_size > 10_000
    before = contents("out")

    with undrawn():
        capsys.readouterr()
        main(["test", "--config", "out/config.yaml"])
        assert "the same report as the one that was here" in capsys.readouterr().out, "to the last digit"
        assert contents("out") == before, "it writes nothing"
        assert run("test", "--config", "out/config.yaml", "--report", "again")[0] == 0
        assert report("again") == first
        assert {path.name for path in Path("again").iterdir()} == {"report.json", "report.html", "report.md", "redirection.png"}
        code, message = run("test", "--config", "out/config.yaml", "--report", "out")
        assert (code, contents("out")) == (2, before)
        assert "--report out is the folder of a run (model.ckpt is there), which test never changes: name another" in message
        assert run("fit", "--config", "out/config.yaml")[0] == 0, "the saved config is a command of its own"
        repeated = report("out")
        assert repeated["metrics"] == first["metrics"]


def test_measuring_needs_something_to_measure(run, original_weights):
    weights = original_weights(DIGITS / "rwft_o.yaml")
    command = [
        "--config",
        str(DIGITS / "rwft_o.yaml"),
        *EIGHT,
        "--model.original",
        weights,
        "--trainer.default_root_dir",
        "out",
    ]
    code, message = run("test", *command)
    assert code == 2
    assert "nothing to measure: out/model.ckpt not found; run fit first" in message
    assert not Path("out/report.json").exists()


@pytest.mark.parametrize("method", ["rw_a", "logit_mask", "rwft_o"])
def test_going_on_with_a_finished_run_measures_it(method, run, report, original_weights):
    weights = original_weights(DIGITS / "rw_a.yaml")
    command = [
        "fit",
        "--config",
        str(DIGITS / f"{method}.yaml"),
        *EIGHT,
        "--model.original",
        weights,
        "--trainer.default_root_dir",
        "out",
    ]
    command += ["--trainer.max_epochs", "1" if method != "logit_mask" else "0"]
    assert run(*command)[0] == 0
    first = report("out")["metrics"]
    code, message = run(*command, "--ckpt_path", "out/model.ckpt")
    assert code == 0, message
    assert report("out")["metrics"] == first


def test_a_new_fit_replaces_a_finished_run_when_it_has_a_result(run, report, original_weights):
    weights = original_weights(DIGITS / "rwft_o.yaml")
    command = ["fit", "--config", str(DIGITS / "rwft_o.yaml"), *EIGHT, "--model.original", weights, *ONE_EPOCH]
    command += ["--trainer.default_root_dir", "out"]
    assert run(*command)[0] == 0
    before = {path: path.read_bytes() for path in Path("out").iterdir() if path.is_file()}
    assert run(*command, "--data.forget", "[3]", "--model.optimizer.lr", "1e30", "--trainer.limit_train_batches", "5")[0] == 2
    assert {path: path.read_bytes() for path in Path("out").iterdir() if path.is_file()} == before
    assert run(*command, "--data.forget", "[3]")[0] == 0
    assert report("out")["forget"] == ["3"]


def test_a_checkpoint_that_was_changed_is_not_measured(run, original_weights):
    command = masking(original_weights(DIGITS / "logit_mask.yaml"))
    assert run("fit", *command)[0] == 0
    content = bytearray(Path("out/model.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    Path("out/model.ckpt").write_bytes(content)
    code, message = run("test", *command)
    assert (code, message.count("\n")) == (2, 1)
    assert "out/model.ckpt is not the checkpoint that out/report.json was written for" in message


def test_a_report_says_where_it_comes_from(run, report, original_weights):
    weights = original_weights(DIGITS / "logit_mask.yaml")
    command = masking(weights)
    assert run("fit", *command)[0] == 0
    found = report("out")
    assert found["inputs"] == {"model.init_args.original": {"path": weights, "sha256": sha256(weights)}}
    assert found["files"] == {name: sha256(f"out/{name}") for name in ("model.ckpt", "model.safetensors")}
    assert set(found["data_sha256"]) == {"train", "test"}
    assert found["config"]["data"]["init_args"]["forget"] == ["8"]
    assert (found["seed"], found["sources"]) == (0, package_sources())


def test_several_classes_are_averaged_over(run, report, original_weights):
    weights = original_weights(DIGITS / "logit_mask.yaml")
    command = masking(weights)
    assert run("fit", *command, "--data.forget", "[3, 8]")[0] == 0
    found = report("out")
    assert found["forget"] == ["3", "8"]
    assert set(found["neighbours"]) == {"3", "8"}
    assert not {"3", "8"} & set(found["neighbours"].values())
    assert found["retrained_models"] == 0
    assert found["images"]["test_forget"] > 36, "of both"
    assert found["metrics"]["unlearned"]["test/acc_f"] == 0


def test_without_retrained_models_the_reference_is_left_out(run, report, original_weights, capsys):
    weights = original_weights(DIGITS / "logit_mask.yaml")
    arguments = masking(weights)
    main(["fit", *arguments])
    printed = capsys.readouterr().out
    found = report("out")["metrics"]
    assert set(found) == {"original", "unlearned"}
    assert found["unlearned"]["test/utv"] is None
    assert "No retrained model was given" in " ".join(printed.split())


def test_single_samples_can_be_retrained_without(run, report):
    Path("some.txt").write_text("0 1 2 3 4 5 6 7 8 9")
    command = ["--data.forget", "[]", "--data.forget_indices", "some.txt", "--trainer.default_root_dir", "out"]
    code, message = run("fit", "--config", str(DIGITS / "retrained.yaml"), *command, "--trainer.max_epochs", "1")
    assert code == 0, message
    found = report("out")
    figures = found["metrics"]["retrained"]["mean"]
    assert found["forget"] == ["some.txt"]
    assert figures["train/acc_f"] is not None
    assert figures["train/mia"] is not None or figures["train/mia_attack_balanced_accuracy"] == 0.5
    assert (figures["test/acc_f"], figures["test/nn_member_rate"]) == (None, None)
    code, message = run("fit", "--config", str(DIGITS / "rwft_o.yaml"), *command)
    assert code == 2
    assert "no class is named, and RWFT forgets whole classes" in message
    assert "--data.forget_indices) are for methods such as FineTune" in message
    code, message = run("fit", "--config", str(DIGITS / "retrained.yaml"))
    assert code == 2
    assert 'name what to forget with --data.forget "[0]"; the classes are 0, 1, 2, 3, 4, ... (10 in all)' in message


def test_two_classes_leave_nothing_to_tell_apart(run, report, image_folder, original_weights):
    image_folder("data/images", classes=("cat", "dog"))
    config = CONFIGS / "image_folder/logit_mask.yaml"
    narrow = ["--model.network.init_args.width", "8"]
    command = ["--config", str(config), "--model.original", original_weights(config, *narrow), "--data.forget", "cat"]
    command += ["--force", "true", *narrow]
    code, message = run("fit", *command, "--trainer.default_root_dir", "out", "--trainer.accelerator", "cpu")
    assert code == 0, message
    figures = report("out")["metrics"]["unlearned"]
    assert (figures["test/acc_f"], figures["test/acc_r"]) == (0, 1)
    assert figures["test/nn_member_rate"] is None


def test_a_stopped_run_goes_on_where_it_stopped(run, report):
    command = ["fit", "--config", str(DIGITS / "original.yaml"), *SHORT]
    assert run(*command, "--trainer.max_epochs", "2", "--trainer.default_root_dir", "half")[0] == 0
    code, message = run(
        *(*command, "--trainer.max_epochs", "4", "--trainer.default_root_dir", "half", "--ckpt_path", "half/model.ckpt")
    )
    assert code == 0, message
    state = torch.load("half/model.ckpt", weights_only=True)
    assert (state["epoch"], state["global_step"]) == (3, 4)
    assert [len(Path(f"half/logs/version_{n}/metrics.csv").read_text().splitlines()) for n in (0, 1)] == [3, 3]


def test_checkpoint_holds_the_edited_network_only(run, original_weights):
    weights = original_weights(DIGITS / "rwft_o.yaml")
    run(
        "fit",
        "--config",
        str(DIGITS / "rwft_o.yaml"),
        *EIGHT,
        "--model.original",
        weights,
        *ONE_EPOCH,
        "--trainer.default_root_dir",
        "out",
    )
    names = torch.load("out/model.ckpt", weights_only=True)["state_dict"]
    assert names
    assert all(name.startswith("network.") for name in names)


def test_own_checkpoint_is_an_original(run, original_weights):
    """A Lightning checkpoint of ours, and a plain torch file, are as good as safetensors."""
    run("fit", "--config", str(DIGITS / "original.yaml"), *ONE_EPOCH, "--trainer.default_root_dir", "first")
    from safetensors.torch import load_file

    plain = load_file("first/model.safetensors")
    torch.save({"state_dict": {f"module.{name}": value for name, value in plain.items()}}, "mine.pth")
    reports = []
    for number, original in enumerate(("first/model.ckpt", "first/model.safetensors", "mine.pth")):
        folder = f"masked{number}"
        command = [
            "--config",
            str(DIGITS / "logit_mask.yaml"),
            *EIGHT,
            "--model.original",
            original,
            "--trainer.default_root_dir",
            folder,
        ]
        assert run("fit", *command)[0] == 0
        reports.append(json.loads(Path(folder, "report.json").read_text())["metrics"])
    assert reports[0] == reports[1] == reports[2]


def test_print_config_and_several_configs(run, capsys, tmp_path):
    extra = tmp_path / "extra.yaml"
    extra.write_text("trainer: {max_epochs: 7}\ndata: {init_args: {forget: [1, 2]}}\n")
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", str(DIGITS / "rwft_o.yaml"), *EIGHT, "--config", str(extra), "--print_config"])
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["trainer"]["max_epochs"] == 7
    assert printed["data"]["init_args"]["forget"] == ["1", "2"]
    assert printed["model"]["class_path"] == "oro_unlearn.methods.RWFT"


def test_build_gives_scripts_the_parts():
    cli = build(["--config", str(DIGITS / "retrained.yaml"), "--data.forget", "3"])
    assert (cli.model.num_classes, cli.model.forget_classes, cli.datamodule.forget_classes) == (10, [3], [3])


@pytest.mark.parametrize(
    "network",
    [
        "torchvision.models.resnet18",
        "timm.models.resnet10t",
        "{class_path: torchvision.models.resnet18, init_args: {num_classes: 3, zero_init_residual: true}}",
        "{class_path: timm.create_model, init_args: {model_name: resnet10t}, dict_kwargs: {num_classes: 3}}",
    ],
)
def test_any_constructor_by_import_path(network, run, report, image_folder):
    image_folder("data/images")
    config = yaml.safe_load((CONFIGS / "image_folder/original.yaml").read_text())
    config["model"]["init_args"]["network"] = yaml.safe_load(network)
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    code, message = run("fit", "--config", "mine.yaml", *ONE_EPOCH, "--trainer.default_root_dir", "out")
    assert code == 0, message
    assert report("out")["network"] == "ResNet"


def test_a_built_network_of_another_size_is_refused(run):
    config = yaml.safe_load((DIGITS / "original.yaml").read_text())
    config["model"]["init_args"]["network"] = {"class_path": "torchvision.models.resnet18", "init_args": {"num_classes": 3}}
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    code, message = run("fit", "--config", "mine.yaml", *ONE_EPOCH)
    assert code == 2
    assert "the network torchvision.models.resnet18 has 3 outputs and the data 10 classes" in message


def test_module_and_console_script_are_the_same():
    for command in ([sys.executable, "-m", "oro_unlearn"], [str(Path(sys.executable).with_name("oro-unlearn"))]):
        done = subprocess.run([*command, "fit", "--config", "nope.yaml"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
