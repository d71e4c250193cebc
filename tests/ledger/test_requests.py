"""Requests one after another through ``fit --ledger``."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from oro_unlearn.cli import build, main
from oro_unlearn.ledger import RequestLedger, verify
from oro_unlearn.networks import save_weights
from tests.conftest import CONFIGS, SHORT
from tests.small_world import ONE_BATCH, arguments
from tests.undrawn import undrawn

ORIGINAL, EDIT = CONFIGS / "digits" / "original.yaml", CONFIGS / "digits" / "rwft_o.yaml"
LEDGER = "requests.jsonl"


def request(name: str, *words: str) -> list[str]:
    """A request on digits, of one step."""
    own = ["--data.forget", f"[{name}]", "--trainer.default_root_dir", f"run-{name}", "--ledger", LEDGER]
    return ["fit", "--config", str(EDIT), *SHORT, "--trainer.max_epochs", "1", *own, *words]


@pytest.fixture(scope="module")
def eights(tmp_path_factory):
    """A folder with a ledger that has the request to forget the eights. Not to be written into."""
    folder = tmp_path_factory.mktemp("eights")
    with pytest.MonkeyPatch.context() as patch, undrawn():
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["oro-unlearn"])
        save_weights(build(["--config", str(ORIGINAL)]).model.network, "original.safetensors")
        words = request("8", "--model.original", "original.safetensors", "--ledger_asker", "Zoë Müller")
        main([*words, "--ledger_hash_asker", "true"])
    return folder


@pytest.fixture
def first(eights, tmp_path):
    """The ledger with this request, in a folder of the test's own."""
    shutil.copytree(eights, tmp_path, dirs_exist_ok=True)
    return RequestLedger(LEDGER)


def test_a_second_request_takes_model_and_earlier_ones_from_the_ledger(first, run, report, capsys):
    capsys.readouterr()
    assert run(*request("3"))[0] == 0
    entries = first.entries()
    assert [entry.forget for entry in entries] == [["8"], ["3"]]
    assert [entry.forgotten for entry in entries] == [["8"], ["8", "3"]]
    assert entries[0].after == entries[1].before
    assert entries[0].before.path == "original.safetensors"
    found = report("run-3")
    assert found["forgotten"] == ["8"]
    assert found["inputs"]["model.init_args.original"]["path"] == "run-8/model.safetensors"
    assert entries[1].verdict == {"verdict": found["audit"]["verdict"]}
    assert entries[1].data == found["data_sha256"]
    assert verify(LEDGER) == []


def test_the_table_shows_the_verdict_in_words(first, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    capsys.readouterr()
    main(["ledger", str(LEDGER)])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Verdict: forgotten at level" in shown
    assert "{" not in shown


def test_who_asked_is_nowhere_in_plain_text(first):
    assert first.entries()[0].asker.startswith("sha256:")
    written = [path for path in Path().rglob("*") if path.is_file()]
    assert not [path for path in written if b"Zo\xc3\xab" in path.read_bytes() or b"Zo\\u00eb" in path.read_bytes()]
    assert yaml.safe_load(Path("run-8/config.yaml").read_text())["ledger_asker"] == first.entries()[0].asker


def test_another_model_than_the_last_is_refused_in_one_line(first, run, original_weights):
    before = first.path.read_bytes()
    code, message = run(*request("3", "--model.original", original_weights(ORIGINAL, name="other.safetensors")))
    assert (code, message.count("\n")) == (2, 1)
    assert "other.safetensors is not the model of request 1, the last of the ledger" in message
    assert "run-8/model.safetensors" in message
    Path("own.yaml").write_text("model: {init_args: {original: other.safetensors}}")
    assert run(*request("3", "--config", "own.yaml"))[0] == 2
    assert first.path.read_bytes() == before
    assert not Path("run-3").exists()


def test_a_ledger_that_is_not_whole_is_not_continued(first, run):
    Path("run-8/report.json").write_text("{}")
    before = first.path.read_bytes()
    code, message = run(*request("3"))
    assert (code, message.count("\n")) == (2, 1)
    assert "is not whole: line 1" in message
    assert first.path.read_bytes() == before


def test_a_run_that_would_replace_an_earlier_model_is_refused(first, run):
    code, message = run(*request("3", "--trainer.default_root_dir", "run-8"))
    assert code == 2
    assert "run-8 holds model.safetensors of request 1" in message
    assert verify(LEDGER) == []


def test_a_request_that_fails_adds_nothing(first, run):
    before = first.path.read_bytes()
    assert run(*request("seventeen"))[0] == 2
    assert first.path.read_bytes() == before


def test_a_method_that_edits_nothing_is_refused(run):
    code, message = run("fit", "--config", str(ORIGINAL), *SHORT, "--ledger", LEDGER)
    assert code == 2
    assert "Training edits no model" in message
    assert not Path(LEDGER).exists()


def test_a_look_at_a_request_adds_nothing(first, run, capsys):
    before = first.path.read_bytes()
    words = ["check", *request("3")[1:]]
    assert run(*words)[0] == 0
    assert first.path.read_bytes() == before


def test_a_run_that_is_measured_again_leaves_the_ledger_as_it_is(first, run):
    before = first.path.read_bytes()
    assert run("test", "--config", "run-8/config.yaml")[0] == 0
    assert first.path.read_bytes() == before


def test_a_run_that_was_stopped_adds_one_entry(first, run, monkeypatch):
    from oro_unlearn.cli.unlearning_cli import UnlearningCLI

    words = request("3", "--trainer.max_epochs", "2")
    with monkeypatch.context() as patch:
        patch.setattr(UnlearningCLI, "after_fit", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            main(words)
    assert Path("run-3/model.ckpt").is_file()
    assert len(first.entries()) == 1
    assert run(*words)[0] == 0
    assert len(first.entries()) == 2
    assert verify(LEDGER) == []
    assert run(*words)[0] == 2  # the same again would be another request
    assert len(first.entries()) == 2


def test_status_names_what_came_back(run, capsys):
    """The original's weights are put in the place of the last model."""
    full = ["--trainer.limit_train_batches", "1.0", "--trainer.limit_test_batches", "1.0"]
    learn = [*full, "--data.batch_size", "128", "--trainer.max_epochs", "4", "--model.optimizer.lr", "0.05"]
    quiet = ["--trainer.enable_progress_bar", "false", "--audit.level", "outputs"]
    assert run("fit", "--config", str(ORIGINAL), "--trainer.max_epochs", "4", *quiet)[0] == 0
    original = "runs/digits-small_cnn/original/model.safetensors"
    assert run(*request("8", "--model.original", original, *learn))[0] == 0
    assert run(*request("3", *learn))[0] == 0
    assert run("ledger", LEDGER, "status") == (0, "")
    put_back(Path(original))
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["ledger", LEDGER, "status"])
    assert stop.value.code == 1
    assert "8 (request 1) came back: " in capsys.readouterr().out


def put_back(original: Path) -> None:
    """Write the original's weights in the place of the last model, and the entry anew."""
    from oro_unlearn.files import sha256
    from oro_unlearn.ledger import line_of

    ledger = RequestLedger(LEDGER)
    lines, last = ledger.lines(), ledger.entries()[-1]
    ledger.place(last.after).write_bytes(original.read_bytes())
    changed = last._replace(after=last.after._replace(sha256=sha256(original)))
    ledger.path.write_bytes(b"".join([*lines[:-1], line_of(changed)]))


def test_relations_go_on_from_the_weights_of_the_last_request(tmp_path, run, report, monkeypatch):
    words = [*arguments(tmp_path, CONFIGS / "scenes" / "shield.yaml"), *ONE_BATCH, "--ledger", LEDGER]
    asked = {"one": "child eating hamburger", "two": "dog eating apple"}
    for place, name in asked.items():
        if place == "two":
            at = words.index("--model.network.init_args.pretrained")
            del words[at : at + 2]
        code, message = run("fit", *words, "--data.forget", name, "--trainer.default_root_dir", place)
        assert code == 0, message
    entries = RequestLedger(LEDGER).entries()
    assert [entry.forgotten for entry in entries] == [["child eating hamburger"], list(asked.values())]
    assert entries[0].after == entries[1].before
    assert [record.path for record in entries[1].others] == [f"two/adapter/{name}" for name in adapter_names()]
    assert verify(LEDGER) == []
    assert run("ledger", LEDGER, "status")[0] in (0, 1)
    assert json.loads(Path("two/report.json").read_text())["forgotten"] == ["child eating hamburger"]


def adapter_names() -> list[str]:
    return sorted(path.name for path in Path("two/adapter").iterdir())
