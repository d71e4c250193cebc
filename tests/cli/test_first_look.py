"""A run whose figures would be wrong does not begin; a forced one says so first."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from oro_unlearn.cli.unlearning_cli import UNKNOWN
from oro_unlearn.networks import checkpoints
from oro_unlearn.networks.checkpoint_files import read_file
from tests.colours import ColourNet, knowing, knowing_state, write_pictures
from tests.conftest import CONFIGS

CLASSES = ("cat", "dog", "fox", "owl")


@pytest.fixture
def words(tmp_path):
    """Words after ``fit`` for pictures of colours, and a classifier that knows them."""

    def make(*args: str, order=range(4), classes=CLASSES, method: str = "rwft_o", **more) -> list[str]:
        write_pictures("pictures", classes, count=5, **more)
        return [
            *(
                "--config",
                str(CONFIGS / "image_folder" / "rwft_o.yaml"),
                "--config",
                str(CONFIGS / "methods" / f"{method}.yaml"),
            ),
            *("--data.root", "pictures", "--data.image_size", "8", "--data.crop_padding", "0", "--trainer.accelerator", "cpu"),
            *("--model.network", "tests.colours.ColourNet", "--model.original", knowing(order)),
            *("--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false", "--trainer.default_root_dir", "out"),
            *args,
        ]

    return make


def test_an_original_that_knows_its_classes_is_edited(words, run, report):
    code, message = run("fit", *words("--data.forget", "[fox]"))
    assert code == 0, message
    assert next(iter(report("out"))) == "said_first"
    assert report("out")["images"] == {"forget": 5, "retain": 15, "test_forget": 5, "test_retain": 15, "test_earlier": 0}


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ([1, 2, 3, 0], "recognises 0 of 10 pictures of 'fox'"),
        ([1, 0, 2, 3], "pictures of 'cat' are mostly called 'dog', and the reverse"),
    ],
)
def test_an_original_with_its_classes_in_another_order_is_refused(words, run, tmp_path, order, says):
    code, message = run("fit", *words("--data.forget", "[fox]", order=order))
    assert code == 2
    assert says in message
    assert "--data.class_names" in message
    assert "--force true" in message
    assert not (tmp_path / "out").exists(), "an empty folder of logs"


def test_folders_that_sort_otherwise_as_numbers_are_named(words, run):
    names = [str(number) for number in range(12)]
    as_text = sorted(names)
    order = [as_text.index(name) for name in names]  # rows by number
    code, message = run("fit", *words("--data.forget", "[10]", order=order, classes=as_text))
    assert code == 2
    assert "in natural order (0, 1, 2, ...) it would be 65" in message
    Path("names.txt").write_text("\n".join(names))
    code, message = run("fit", *words("--data.forget", "[10]", "--data.class_names", "names.txt", order=order, classes=as_text))
    assert code == 0, message


def test_a_forced_run_says_so_first(words, run, report):
    code, message = run("fit", *words("--data.forget", "[fox]", "--force", "true", order=[1, 2, 3, 0]))
    assert code == 0, message
    assert report("out")["said_first"][0].startswith("Forced (--force true) although: the original recognises 0 of 10")
    assert run("test", "--config", "out/config.yaml")[0] == 0
    assert report("out")["said_first"][0].startswith("Forced")


def test_an_original_that_knows_more_under_another_normalisation_is_refused(words, run):
    half = torch.full((3,), 0.5)
    torch.save(knowing_state(range(12), half, half), "halves.pt")
    given = words("--data.forget", "[a]", "--model.original", "halves.pt", classes="abcdefghijkl", order=range(12))
    code, message = run("fit", *given)
    assert code == 2
    better = '--data.mean "[0.5, 0.5, 0.5]" --data.std "[0.5, 0.5, 0.5]"'
    assert "the normalisation is likely wrong: the original is right about" in message
    assert f"of 55 test pictures of all else, and with {better} it would be about 55" in message
    code, message = run("fit", *given, "--data.mean", "[0.5,0.5,0.5]", "--data.std", "[0.5,0.5,0.5]")
    assert code == 0, message


def test_a_retrained_model_that_knows_the_class_is_an_error(words, run):
    code, message = run("fit", *words("--data.forget", "[fox]", "--model.retrained", "[colours.safetensors]"))
    assert code == 2
    assert "colours.safetensors is given as retrained without 'fox' and recognises 10 of 10 pictures" in message


def test_a_network_that_fails_keeps_its_traceback_and_says_whose_fault_it_may_be(words, run):
    with pytest.raises(RuntimeError, match="a fault of the user's own") as failed:
        run("fit", *words("--data.forget", "[fox]"), "--model.network", "tests.colours.Broken")
    assert failed.value.__notes__ == [UNKNOWN]


def test_the_file_of_the_original_is_read_once_for_its_names_and_once_for_its_weights(words, run, monkeypatch):
    read: list[Path] = []
    monkeypatch.setattr(checkpoints, "read_file", lambda path: read.append(path) or read_file(path))
    code, message = run("fit", *words("--data.forget", "[fox]"))
    assert code == 0, message
    assert len(read) == 2


def test_probabilities_are_no_logits(words, run):
    code, message = run("fit", *words("--data.forget", "[fox]"), "--model.network", "tests.colours.WithSoftmax")
    assert code == 2
    assert "WithSoftmax returns probabilities" in message


@pytest.mark.parametrize(
    ("method", "rate", "says"),
    [("fine_tune", "1e-9", "The edit did nothing: 10 of 10"), ("gradient_ascent", "1e5", "The model is destroyed")],
)
def test_an_edit_that_did_nothing_or_too_much_is_said_first(words, run, report, method, rate, says):
    code, message = run("fit", *words("--data.forget", "[fox]", "--model.optimizer.lr", rate, method=method))
    assert code == 0, message
    assert any(sentence.startswith(says) for sentence in report("out")["said_first"]), report("out")["said_first"]


def test_what_was_forgotten_is_remembered_by_the_file(words, run, report):
    code, message = run("fit", *words("--data.forget", "[fox]"))
    assert code == 0, message
    with safe_open("out/model.safetensors", "pt") as file:
        notes = json.loads(file.metadata()["oro_unlearn"])
    assert notes["forgotten"] == ["fox"]
    assert notes["class_names"] == list(CLASSES)
    assert notes["run"] == report("out")["run"]
    assert notes["inputs"] == {"model.init_args.original": report("out")["inputs"]["model.init_args.original"]["sha256"]}
    assert torch.load("out/model.ckpt", weights_only=True)["oro_unlearn"] == notes
    second = words("--data.forget", "[owl]", "--model.original", "out/model.safetensors", "--trainer.default_root_dir", "two")
    code, message = run("fit", *second)
    assert code == 0, message
    found = report("two")
    assert (found["forget"], found["forgotten"]) == (["owl"], ["fox"])
    assert found["images"]["test_earlier"] == 5
    assert found["metrics"]["unlearned"]["test/acc_earlier"] is not None
    with safe_open("two/model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["oro_unlearn"])["forgotten"] == ["fox", "owl"]


def test_the_file_knows_the_order_of_its_classes(words, run, report):
    order = [2, 0, 1, 3]
    weights = knowing(order, "ordered.pt", class_to_idx={CLASSES[number]: row for row, number in enumerate(order)})
    code, message = run("fit", *words("--data.forget", "[fox]", "--model.original", weights))
    assert code == 0, message
    assert report("out")["metrics"]["original"]["test/acc_f"] == 1


def test_classes_without_pictures_stay(words, run, report):
    names = [*CLASSES, *(f"absent {number}" for number in range(30))]
    Path("names.txt").write_text("\n".join(names))
    words_ = words("--data.forget", "[fox]", "--data.class_names", "names.txt", order=range(34))
    code, message = run("fit", *words_)
    assert code == 0, message
    assert report("out")["metrics"]["original"]["test/absent"] == 0
    assert report("out")["metrics"]["unlearned"]["test/absent"] is not None


def test_a_check_changes_nothing(words, run, tmp_path):
    line = words("--data.forget", "[fox]")
    before = sorted(tmp_path.rglob("*"))
    assert run("check", *line)[0] == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_network_of_these_tests_is_the_one_that_is_known():
    assert ColourNet(3)(torch.zeros(2, 3, 8, 8)).shape == (2, 3)
