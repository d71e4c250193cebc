"""The tree of a YAML, without what a hostile or careless file can hold: it is looked at before anything is built of it."""

from typing import cast

import yaml

from oro_unlearn.files import shortened

MAX_NODES = 100_000  # keys, values and items; what an alias repeats counts each time
MAX_DEPTH = 100  # of lists and mappings in each other


class Refused(yaml.MarkedYAMLError):
    """YAML that is not read, with the line where it goes wrong.

    Args:
        mark: The place.
        problem: What is wrong there.
    """

    def __init__(self, mark: yaml.Mark, problem: str) -> None:
        super().__init__(problem=problem, problem_mark=mark)

    def __str__(self) -> str:
        return f"line {self.problem_mark.line + 1}: {self.problem}"  # type: ignore[union-attr]


class _Loader(yaml.SafeLoader):
    """A composer with an end."""

    composed = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.composed += 1
        self.depth += 1
        mark = self.peek_event().start_mark
        if self.composed > MAX_NODES:
            raise Refused(mark, f"more than {MAX_NODES} keys, values and items")
        if self.depth > MAX_DEPTH:
            raise Refused(mark, "lists and mappings are nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _WithoutAliases(_Loader):
    """A few aliases can stand for billions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Refused(self.peek_event().start_mark, "aliases (*name) are not allowed, write the value out")
        return super().compose_node(parent, index)


def composed(text: str) -> yaml.Node | None:
    """The tree of a YAML in which no key is given twice, and no alias stands for too much.

    Args:
        text: A YAML.

    Returns:
        Its root; None where it is empty.

    Raises:
        yaml.YAMLError: If it is no YAML, too large, nested too deeply, gives a key twice, or holds itself.
    """
    root = cast("yaml.Node | None", yaml.compose(text, Loader=_Loader))
    if root is not None:
        _size(root, {})
    return root


def composed_without_aliases(text: str) -> yaml.Node | None:
    """The same of a format that has no aliases; keys given twice are left to its reader, which knows which mean the same."""
    return cast("yaml.Node | None", yaml.compose(text, Loader=_WithoutAliases))


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of values below a node, itself included; what an alias repeats is counted each time."""
    if id(node) in known:
        if not known[id(node)]:
            raise Refused(node.start_mark, "a list or mapping holds itself")
        return known[id(node)]
    known[id(node)] = 0  # until all below it is counted
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    _check_keys(pairs)
    children = node.value if isinstance(node, yaml.SequenceNode) else [child for pair in pairs for child in pair]
    known[id(node)] = total = 1 + sum(_size(child, known) for child in children)
    if total > MAX_NODES:
        raise Refused(node.start_mark, f"aliases stand for more than {MAX_NODES} values")
    return total


def _check_keys(pairs: list[tuple[yaml.Node, yaml.Node]]) -> None:
    first: dict[str, int] = {}
    for key, _ in pairs:
        name, line = str(key.value), key.start_mark.line + 1
        if name in first and name != "<<":
            raise Refused(key.start_mark, f"{shortened(name)!r} is given twice, first on line {first[name]}: drop one")
        first[name] = line
