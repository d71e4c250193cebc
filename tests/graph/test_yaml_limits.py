"""What no reader of YAML here takes."""

import pytest
import yaml

from oro_unlearn.graph import yaml_limits
from oro_unlearn.graph.yaml_limits import composed, composed_without_aliases

BOTH = [composed, composed_without_aliases]


@pytest.mark.parametrize("read", BOTH)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n  [" + "[" * 200 + "]" * 200 + "]", "line 2: lists and mappings are nested too deeply"),
        ("a: 1\nb: [" + "1," * 2000 + "]", "line 2: more than 2000 keys, values and items"),
        ("a: [\n", "while parsing a flow node"),
    ],
)
def test_refused_by_both(read, text, problem, monkeypatch):
    monkeypatch.setattr(yaml_limits, "MAX_NODES", 2000)
    with pytest.raises(yaml.MarkedYAMLError) as error:
        read(text)
    assert str(error.value).startswith(problem)


@pytest.mark.parametrize("read", BOTH)
def test_what_is_harmless_is_a_tree(read):
    assert read("") is None
    assert read("a: [1, {b: c}]").value[0][1].value[0].value == "1"
    assert read("a: " + "[" * 50 + "]" * 50).value


def test_aliases_are_for_configurations_alone():
    text = "a: &x {b: 1}\nc: *x"
    assert composed(text) is not None
    with pytest.raises(yaml.YAMLError, match=r"line 2: aliases \(\*name\) are not allowed, write the value out"):
        composed_without_aliases(text)


def test_a_chain_of_aliases_is_read_without_an_end_of_the_stack():
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 400))
    assert composed(text) is not None
