"""The YAML of configuration files."""

import pytest
import yaml
from jsonargparse import Namespace, get_loader

from oro_unlearn.config_files import MODE, check_numbers, load_checked

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
