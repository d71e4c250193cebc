"""What was probably meant."""

import re

import pytest
import yaml

from oro_unlearn.cli import build
from oro_unlearn.cli.command_words import chosen, command_of, tidied
from oro_unlearn.cli.suggestions import OTHER_NAMES, TOP, _known, advised, check_words, did_you_mean, suggested
from oro_unlearn.user_error import UserError
from tests.conftest import CONFIGS

RWFT = ["fit", "--config", str(CONFIGS / "digits/rwft_o.yaml")]


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("forget", "data.forget"),
        ("lr", "model.optimizer.lr"),
        ("learning_rate", "model.optimizer.lr"),
        ("model.lr", "model.optimizer.lr"),
        ("model.lrr", "model.optimizer.lr"),
        ("model.optimizer.lrr", "model.optimizer.lr"),
        ("model.init_args.originall", "model.original"),
        ("model.network.widht", "model.network.width"),
        ("data.forgett", "data.forget"),
        ("data.batchsize", "data.batch_size"),
        ("epochs", "trainer.max_epochs"),
        ("model.epochs", "trainer.max_epochs"),
        ("trainer.max_epoch", "trainer.max_epochs"),
        ("trainer.max-epochs", "trainer.max_epochs"),
        ("max_epochs", "trainer.max_epochs"),
        ("batch_size", "data.batch_size"),
        ("batch-size", "data.batch_size"),
        ("gpus", "trainer.devices"),
        ("device", "trainer.accelerator"),
        ("seed", "seed_everything"),
        ("output", "trainer.default_root_dir"),
        ("dataset", "data"),
        ("checkpoint", "model.original"),
        ("original", "model.original"),
        ("retrained", "model.retrained"),
        ("momentum", "model.optimizer.momentum"),
        ("modell", "model"),
        ("trainr.max_epochs", "trainer.max_epochs"),
    ],
)
def test_misspelt_and_misplaced_options(option, meant):
    assert suggested(option, RWFT)[0] == meant


@pytest.mark.parametrize("option", ["foo.bar", "trainer.foo.bar", "model.quux"])
def test_what_is_near_nothing_is_not_guessed(option):
    assert suggested(option, RWFT) == []


def test_known_options_are_those_of_the_parser():
    cli = build([*RWFT[1:], "--data.forget", "[3]"])
    defaults = cli.parser.get_defaults().keys()
    parsed = {key for key in defaults if not key.startswith(("model.", "data."))}
    assert parsed <= {*_known(()), *TOP}
    every = {option for name in ("SSD", "RWFT") for option in _known((("data", "ImageFolder"), ("model", name)))}
    assert set(OTHER_NAMES.values()) <= every


@pytest.mark.parametrize(
    ("message", "words", "expected"),
    [
        ("unrecognized arguments: --forget [1]", ["--forget", "[1]"], "unknown option --forget: did you mean --data.forget?"),
        ("unrecognized arguments: --forget=[1]", ["--forget=[1]"], "unknown option --forget: did you mean --data.forget?"),
        ("unrecognized arguments: dog]", ["--data.forget", "[cat,", "dog]"], "a value with spaces is quoted"),
        (
            "\"model\": Problem with given class_path 'x': \"optimizer\": Option 'lrr' is not accepted",
            ["--model.optimizer.lrr", "1"],
            "unknown option --model.optimizer.lrr: did you mean --model.optimizer.lr?",
        ),
        (
            "\"model\": Problem with given class_path 'x': Option 'originall' is not accepted",
            [],
            "unknown option model.originall in a configuration file: did you mean --model.original?",
        ),
        ("Subcommand 'fit' does not accept option 'trainer.max_epoch'", [], "did you mean --trainer.max_epochs"),
        ("unrecognized arguments: --image-size 2", ["--image-size", "2"], "it is one of --data ImageFolder"),
        ("unrecognized arguments: --foo.bar 2", ["--foo.bar", "2"], "unknown option --foo.bar: see oro-unlearn fit --help"),
        ("argument --model: expected one argument", ["--model.update"], "--model.update needs a value"),
        ("the following arguments are required: fit.model, fit.data", [], "begin with --config FILE"),
        ('"trainer.max_epochs": expected int or null, got many', [], '"trainer.max_epochs": expected int or null, got many'),
    ],
)
def test_advice(message, words, expected):
    assert expected in advised(message, [*RWFT, *words])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["fti"], "unknown command 'fti'; known: .*: did you mean fit"),
        (["--config", "x.yaml"], "no command: .* for instance oro-unlearn fit --config x.yaml"),
        (["fit", "-config", "x"], "unknown option -config .*: did you mean --config"),
        (["fit", "-forget", "x"], "unknown option -forget .*: did you mean --data.forget"),
        (["fit", "--config", "nope.yaml"], "configuration file nope.yaml not found: give the path of a YAML"),
        (["fit", "--config=digits/rwft_o.yaml"], "not found: did you mean .*digits/rwft_o.yaml"),
        (
            ["fit", "-c", "lightning_configs/methods/salUn.yaml"],
            "not found: did you mean .*methods/salun.yaml",
        ),
        (["fit", "--config", "digits/origin.yaml"], "not found: did you mean .*digits/original.yaml"),
    ],
)
def test_words_that_are_wrong_whatever_the_classes_are(words, expected):
    with pytest.raises(UserError, match=expected):
        check_words(words)


def test_words_that_are_right_pass(tmp_path):
    (tmp_path / "c.yaml").write_text("")
    for words in (
        ["fit", "-cc.yaml"],
        ["fit", "-c", "c.yaml"],
        ["fit", "--config", "{seed_everything: 1}"],
        ["fit", "--x", "-1e3"],
    ):
        check_words(words)


def test_the_command_comes_first():
    assert tidied(["--config", "a.yaml", "fit", "--x"]) == ["fit", "--config", "a.yaml", "--x"]
    assert tidied(["--seed_everything=3", "test"]) == ["test", "--seed_everything=3"]
    assert tidied(["--config", "fit"]) == ["--config", "fit"]
    assert tidied(["--model.help", "RWFT"]) == ["fit", "--model.help", "RWFT"]
    assert command_of(["--config", "fit", "test"]) == "test"


def test_classes_that_a_command_line_chooses(tmp_path):
    (tmp_path / "nested.yaml").write_text(yaml.safe_dump({"fit": {"data": "Digits", "model": {"class_path": "SSD"}}}))
    (tmp_path / "bad.yaml").write_text("model: [")
    assert chosen(["fit", "--config", "nested.yaml", "--config=bad.yaml"]) == {"data": "Digits", "model": "SSD"}
    found = chosen([*RWFT, "--model", "SalUn"])
    assert (found["model"], found["data"]) == ("SalUn", "Digits")
    assert (found["model.network"], found["model.optimizer"]) == ("oro_unlearn.networks.SmallCNN", "torch.optim.SGD")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model", "RWFTT"], "unknown method 'RWFTT' for model; known: AMUN, .*; did you mean RWFT"),
        (["--data", "Imagefolder"], "unknown data set 'Imagefolder' for data; .*; did you mean ImageFolder"),
        (["--model.optimizer", "SDG"], "unknown optimizer 'SDG' .*; did you mean SGD"),
        (["--model.optimizer", "torch.optim.SDG"], "torch.optim has no 'SDG': did you mean SGD"),
        (["--model.network", "torchvision.models.resnet81"], "torchvision.models has no 'resnet81': did you mean resnet18"),
        (["--model", "my_method.Mine"], "there is no Python module 'my_method': is it installed, or a file my_method.py"),
        (["--model", "torch.nn.Linear"], "torch.nn.Linear for model is not a subclass of UnlearningModule"),
        (["--model.lr", "0.1"], "unknown option --model.lr: did you mean --model.optimizer.lr"),
        (["--forget", "[1]"], "unknown option --forget: did you mean --data.forget"),
    ],
)
def test_the_command_line_says_so(words, expected, run):
    code, said = run(*RWFT, *words)
    assert (code, said.count("\n")) == (2, 1)
    assert re.search(expected, said), said


def test_nothing_near():
    assert did_you_mean("zzz", ["fit", "test"]) == ""
