"""The YAML of configuration files."""

import pytest
import yaml
from jsonargparse import Namespace, get_loader

from oro_unlearn.cli import main
from oro_unlearn.cli.config_files import MODE, check_numbers, load_checked, of_command
from tests.conftest import CONFIGS

BOMB = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    "text", ["a: 1", "[1, 2.5, x]", "a: &x {b: 1}\nc: *x", "a: &x {b: 1}\nc: {<<: *x, d: 2}", "word", "1e-3", ""]
)
def test_what_is_harmless_is_read_as_ever(text):
    assert load_checked(text) == get_loader("yaml")(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"line 5: aliases stand for more than 100000 values"),
        ("a: &a [*a]", "line 1: a list or mapping holds itself"),
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is given twice, first on line 1: drop one"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("a: [" + "9" * 5000 + "]", r"Exceeds the limit \(4300 digits\) for integer string conversion"),
        ("a: !!python/name:os.system x", "could not determine a constructor"),
    ],
    ids=["bomb", "itself", "twice", "deep", "digits", "code"],
)
def test_what_is_not_is_refused(text, message):
    with pytest.raises(yaml.YAMLError, match=message):
        load_checked(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2**63, [1.0, float("nan")], {"a": [2**80]}])
def test_numbers_that_no_option_can_mean_are_refused(value):
    config = Namespace(fit=Namespace(model=Namespace(init_args=Namespace(lr=value))))
    with pytest.raises(ValueError, match=r"--model\.lr is \S+: give it a (finite number|number below 2\*\*63)"):
        check_numbers(config)


def test_other_numbers_are_not():
    check_numbers(Namespace(a=Namespace(b=1e300, c=-(2**62), d=True, e=None, f="nan", g=[1, {"h": 0.0}])))


def test_the_loader_is_known_by_its_name():
    assert get_loader(MODE) is load_checked


FLAT = "seed_everything: 1\nmodel: {class_path: RWFT, init_args: {retain: none}}\n"


@pytest.mark.parametrize(
    ("text", "command", "expected"),
    [
        (FLAT, "fit", yaml.safe_load(FLAT)),
        ("fit: {a: 1}", "fit", {"a": 1}),
        ("fit: {a: 1}", "test", {"a": 1}),
        ("subcommand: fit\nfit: {a: {b: 1}}\ntest: {a: 2}\na: {c: 3}\nd: 4", "fit", {"a": {"b": 1, "c": 3}, "d": 4}),
        ("fit: {a: {b: 1}}\ntest: {a: 2}\na: {c: 3}\nd: 4", "test", {"a": 2, "d": 4}),
        ("fit: {a: &x {b: 1}, c: *x}", "fit", {"a": {"b": 1}, "c": {"b": 1}}),
        ("fit: {a: '1e5', b: '008', c: \"yes\"}", "fit", {"a": "1e5", "b": "008", "c": "yes"}),
        ("fit: 3", "fit", {"fit": 3}),
        ("[1, 2]", "fit", [1, 2]),
    ],
)
def test_options_nested_under_the_names_of_commands(text, command, expected):
    assert load_checked(of_command(text, command)) == expected


@pytest.mark.parametrize("text", ["fit: {a: 1, a: 2}", "fit: {a: [", "fit: {a: &a [*a]}"])
def test_what_load_checked_refuses_is_left_to_it(text):
    assert of_command(text, "fit") == text


def test_files_are_merged_in_order_nested_or_not(tmp_path, capsys):
    first = yaml.safe_load((CONFIGS / "digits/rwft_o.yaml").read_text())
    (tmp_path / "a.yaml").write_text(yaml.safe_dump({"seed_everything": 5, "trainer": {"max_epochs": 3}, "fit": first}))
    (tmp_path / "b.yaml").write_text("fit: {trainer: {max_epochs: 7}, data: {init_args: {forget: ['3', '008']}}}")
    (tmp_path / "c.yaml").write_text("model: {init_args: {retain: none}}")
    with pytest.raises(SystemExit) as stop:
        main(["--config", "a.yaml", "--config=b.yaml", "fit", "--config", "c.yaml", "--print_config"])
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert (printed["trainer"]["max_epochs"], printed["seed_everything"]) == (7, first["seed_everything"])
    assert printed["data"]["init_args"]["forget"] == ["3", "008"]
    assert printed["model"]["init_args"]["retain"] == "none"
    assert printed["model"]["init_args"]["network"] == {
        "class_path": "oro_unlearn.networks.SmallCNN",
        "init_args": {"width": 16, "in_channels": 1},
    }
