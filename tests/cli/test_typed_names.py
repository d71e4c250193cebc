"""Names of classes mean the text that was typed, on the command line and in YAML."""

import json

import pytest
import yaml

from oro_unlearn.cli.config_files import load_checked
from oro_unlearn.cli.typed_names import keep_names
from tests.conftest import CONFIGS

ODD = ["yes", "on", "null", "~", "1e3", "008", "0x10", "1.0", "1_0", "2020-01-01", "1:30", "true", ".inf", "-3", "café", "😀"]


@pytest.mark.parametrize("name", ODD)
def test_a_name_is_the_text_that_was_typed(name):
    for text in (name, f"[{name}]", f"['{name}']"):
        (word, quoted) = keep_names(["--data.forget", text])
        assert word == "--data.forget"
        assert yaml.safe_load(quoted) in (name, [name])
        assert load_checked(f"data: {{init_args: {{forget: {text}}}}}")["data"]["init_args"]["forget"] in (name, [name])


@pytest.mark.parametrize(
    "name", ["a: b", "cat #2", "*x", "@home", "%a", 'it\'s "so"', "two\nlines", "\\frac", "\x1b[31m", "é\udce9"]
)
def test_a_name_without_brackets_is_taken_as_a_whole(name):
    assert yaml.safe_load(keep_names(["--data.forget", name])[1]) in (name, [name])
    assert yaml.safe_load(keep_names([f"--data.forgotten={json.dumps([name])}"])[0].partition("=")[2]) in (name, [name])


@pytest.mark.parametrize(
    "words",
    [
        ["--data.forget", "child eating apple", "--model.lr", "1e-3"],
        ["--data.forget", ""],
        ["--data.forget"],
        ["--data.forget", "[[8]]"],
        ["--data.forget", "[cat"],
        ["--data.class_names", "names.txt", "--data.forget_index", "[1_0]"],
    ],
)
def test_other_words_stay(words):
    assert keep_names(words) == words


def test_a_value_that_looks_like_the_option_is_a_value():
    assert keep_names(["--data.forget", "--data.forget", "[on]"])[2] == "[on]"


def test_names_in_yaml_are_text_wherever_they_stand():
    text = "x: &x {forget: [on, 0x10]}\nfit: {data: {init_args: {<<: *x, forgotten: 1e3, class_names: [no, 1]}}}\nn: [on, 1e3]"
    found = load_checked(text)
    assert found["fit"]["data"]["init_args"] == {"forget": ["on", "0x10"], "forgotten": "1e3", "class_names": ["no", "1"]}
    assert found["n"] == [True, 1e3]


@pytest.mark.parametrize("word", ["[yes, '008']", "null"])
def test_the_saved_configuration_means_the_same(word, capsys):
    from oro_unlearn.cli import main

    words = ["fit", "--config", str(CONFIGS / "digits/original.yaml")]
    with pytest.raises(SystemExit):
        main([*words, "--data.forget", word, "--print_config"])
    printed = capsys.readouterr().out
    expected = ["yes", "008"] if word.startswith("[") else ["null"]
    assert yaml.safe_load(printed)["data"]["init_args"]["forget"] == expected
    assert load_checked(printed)["data"]["init_args"]["forget"] == expected
