"""Read typed values from YAML without building objects. Errors name the line; limits stop hostile files."""

import unicodedata
from collections.abc import Collection
from pathlib import Path

import yaml

from oro_unlearn.files import shortened
from oro_unlearn.graph.wording import closest
from oro_unlearn.graph.yaml_limits import composed_without_aliases
from oro_unlearn.user_error import UserError

MAX_BYTES = 2_000_000
MAX_LETTERS = 1000  # letters of one text
TAG = "tag:yaml.org,2002:"
SCALARS = {TAG + kind for kind in ("str", "bool", "int", "float", "timestamp", "value", "merge")}  # not null


class YamlFile:
    """One YAML document and its errors.

    Args:
        path: The file.

    Raises:
        UserError: If the file is missing, too large, not UTF-8, not valid YAML or empty, or has aliases or several documents.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        if not path.exists():
            raise UserError(f"no graph file {self.path}: give the path of a YAML, or 'scenes' for the example")
        if not path.is_file():
            raise UserError(f"{self.path} is not a file: give the path of a graph's YAML")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{self.path} is larger than {MAX_BYTES // 1_000_000} MB: a graph is read only up to that size")
        self.root = self._compose(content)

    def error(self, place: yaml.Node | int, message: str) -> UserError:
        """An error that names the line, given as a node or a number."""
        line = place if isinstance(place, int) else line_of(place)
        return UserError(f"{self.path}:{line}: {message}")

    def mapping(self, node: yaml.Node, what: str, known: Collection[str] = ()) -> dict[str, tuple[int, yaml.Node]]:
        """Line and value by key, in file order.

        Args:
            node: The node to read.
            what: Description of the node, for errors.
            known: Allowed keys; any when empty.

        Raises:
            UserError: For anything but a mapping, a key given twice, or an unknown key.
        """
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what} must be a mapping (key: value), not {_kind(node)}")
        found: dict[str, tuple[int, yaml.Node]] = {}
        for key_node, value in node.value:
            key = self.text(key_node, f"a key of {what}")
            if key in found:
                raise self.error(key_node, f"{key!r} is given twice in {what}, first on line {found[key][0]}")
            if known and key not in known:
                raise self.error(key_node, f"unknown key {key!r} in {what}: {closest(key, known)}")
            found[key] = line_of(key_node), value
        return found

    def text(self, node: yaml.Node, what: str) -> str:
        """The text of a scalar, with spaces collapsed. YAML's type is ignored, so an object may be called ``on``."""
        if not isinstance(node, yaml.ScalarNode) or node.tag not in SCALARS:
            raise self.error(node, f"{what} must be text, not {_kind(node)}")
        text = " ".join(unicodedata.normalize("NFC", node.value).split())
        if len(text) > MAX_LETTERS:
            raise self.error(node, f"{what} has {len(text)} letters, at most {MAX_LETTERS}")
        if not text or not text.isprintable():
            raise self.error(node, f"{what} must be printable text, not {shortened(text, 40)!r}")
        return text

    def sequence(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        """The items of a list."""
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(node, f"{what} must be a list, not {_kind(node)}")
        return list(node.value)

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        items = [node] if isinstance(node, yaml.ScalarNode) else self.sequence(node, what)
        return tuple(self.text(item, f"an item of {what}") for item in items)

    def flag(self, node: yaml.Node, what: str) -> bool:
        """True or false."""
        values = yaml.SafeLoader.bool_values
        if not isinstance(node, yaml.ScalarNode) or node.tag != TAG + "bool" or node.value.lower() not in values:
            raise self.error(node, f"{what} must be true or false, not {_kind(node)}")
        return values[node.value.lower()]

    def _compose(self, content: bytes) -> yaml.Node:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self.error(line, "the file is not UTF-8: save it as UTF-8") from None
        try:
            root = composed_without_aliases(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(", ".join(filter(None, (error.context, error.problem))).split())
            raise self.error(mark.line + 1 if mark else 1, f"no valid YAML: {problem}") from None
        except yaml.reader.ReaderError as error:
            raise self.error(text.count("\n", 0, error.position) + 1, f"no valid YAML: {error.reason}") from None
        if root is None:
            raise self.error(1, "the graph is empty: it needs objects and relations")
        return root


def line_of(node: yaml.Node) -> int:
    """The line a node starts on, from 1."""
    return int(node.start_mark.line) + 1


def is_null(node: yaml.Node) -> bool:
    """Whether a value was left empty."""
    return isinstance(node, yaml.ScalarNode) and node.tag == TAG + "null"


def _kind(node: yaml.Node) -> str:
    """What a node is, in words."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if node.tag not in SCALARS | {TAG + "null"}:
        return f"a value with the tag {shortened(node.tag.replace(TAG, '!!'), 40)!r}"
    return "nothing" if is_null(node) else repr(shortened(node.value, 40))
