"""Read the options of classes from their source. Nothing is imported, so help, completion and suggestions are fast."""

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

HOMES = {  # modules in which a name without dots is looked up
    "model": "oro_unlearn.methods",
    "data": "oro_unlearn.data",
    "model.network": "oro_unlearn.networks",
    "model.optimizer": "torch.optim",
    "model.lr_scheduler": "torch.optim.lr_scheduler",
}
TRAINER = "lightning.pytorch.Trainer"
BASES = (  # abstract classes, and parts of others
    *("Batch", "ClassUnlearning", "GraphDataModule", "ImageData", "PersonaQuestions", "PersonaUnlearning", "Question"),
    *("QuestionCollator", "RelationalUnlearning", "UnlearningModule"),
)
MARKUP = re.compile(r":\w+:`~?([^`]*)`|``([^`]*)``|`([^`<]*)(?: <[^`]*)?`_?")


class Option(NamedTuple):
    """One argument of a constructor."""

    name: str
    kind: str  # type annotation in the source
    default: str | None  # default in the source; None if the argument is required
    meaning: str


class Source(NamedTuple):
    """A class, a function or a named type in a file."""

    module: str
    node: ast.ClassDef | ast.FunctionDef | ast.Assign


def found(part: str, name: str) -> Source | None:
    """Find the source of a class by its import path, or by a name that an option takes.

    Args:
        part: The option that takes the class, such as ``model``.
        name: Import path, or name without a module.

    Returns:
        The source; None if it is not found, or is not written in Python.
    """
    path = name if "." in name else f"{HOMES[part]}.{name}" if name and part in HOMES else ""
    module, _, last = path.rpartition(".")
    return _definition(module, last) if module else None


def options(source: Source) -> list[Option] | None:
    """Arguments of a function, or of a class including those that ``**kwargs`` passes to its bases.

    Args:
        source: A result of :func:`found`.

    Returns:
        The arguments; None if a base class is not found.
    """
    if isinstance(source.node, ast.Assign):
        return None
    if isinstance(source.node, ast.FunctionDef):
        return _arguments(source.module, source.node, ast.get_docstring(source.node) or "")
    init = next((node for node in source.node.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None)
    if init is None:
        return _of_bases(source)
    docs = [ast.get_docstring(node) or "" for node in (source.node, init)]
    result = [option for option in _arguments(source.module, init, "\n\n".join(docs)) if option.name != "self"]
    inherited = _of_bases(source) if init.args.kwarg else []
    if inherited is None:
        return None
    taken = {option.name for option in result} | _given_to_super(init)
    return result + [option for option in inherited if option.name not in taken]


def summary(source: Source) -> str:
    """The first paragraph of a docstring as plain text."""
    return "" if isinstance(source.node, ast.Assign) else plain((ast.get_docstring(source.node) or "").partition("\n\n")[0])


def plain(text: str) -> str:
    r"""Docstring text on one line, without markup.

    Example:
        >>> plain("A set of :class:`Images`,\n``float32``.")
        'A set of Images, float32.'
    """
    return " ".join(MARKUP.sub(lambda hit: hit[1] or hit[2] or hit[3] or "", text).split())


def classes(part: str) -> list[str]:
    """Class names that an option takes, such as all methods for ``model``."""
    names = [name for name in _public_names(HOMES[part]) if name not in BASES and name[0].isupper()]
    return sorted(
        name for name in names if not name.endswith(("Adapter", "Attention", "Reader", "Checkpoint", "Factory", "Spec"))
    )


def option_of(name: str, chosen: Mapping[str, str]) -> Option | None:
    """Find an option by its name; None if it does not exist.

    Args:
        name: Full name, such as ``model.retain``.
        chosen: Classes by the option that takes them.
    """
    part, _, last = name.rpartition(".")
    source = found(part, TRAINER if part == "trainer" else chosen.get(part, ""))
    return next((option for option in (options(source) if source else None) or [] if option.name == last), None)


def _public_names(module: str) -> list[str]:
    """The names in ``__all__`` of a module."""
    tree = _tree(module)
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def _of_bases(source: Source) -> list[Option] | None:
    """Arguments of the base classes, in the order of the bases."""
    assert isinstance(source.node, ast.ClassDef)
    result: list[Option] = []
    for base in source.node.bases:
        module, _, name = ast.unparse(base).partition("[")[0].rpartition(".")
        known = _definition(module, name) if module else _definition(source.module, name)
        if name == "ABC":
            continue
        part = options(known) if known else None
        if part is None:
            return None
        taken = {option.name for option in result}
        result += [option for option in part if option.name not in taken]
    return result


def _arguments(module: str, function: ast.FunctionDef, docs: str) -> list[Option]:
    meanings, given = dict(_documented(docs)), function.args
    named = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(named) - len(given.defaults)) + list(given.defaults)
    pairs = [*zip(named, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [
        Option(
            name=argument.arg,
            kind=_kind(module, argument.annotation),
            default=ast.unparse(default) if default else None,
            meaning=meanings.get(argument.arg, ""),
        )
        for argument, default in pairs
    ]


def _kind(module: str, annotation: ast.expr | None) -> str:
    """A type annotation as text. An alias that the module defines is replaced by its definition."""
    if not isinstance(annotation, ast.Name):
        return ast.unparse(annotation) if annotation else ""
    source = _definition(module, annotation.id)
    return ast.unparse(source.node.value) if source and isinstance(source.node, ast.Assign) else annotation.id


def _documented(docs: str) -> Iterator[tuple[str, str]]:
    """Names and meanings of the ``Args:`` sections of a docstring."""
    for section in re.findall(r"^ *Args:\s*\n(.*?)(?=\n *[A-Z]\w+:\s*\n|\Z)", docs, re.DOTALL | re.MULTILINE):
        text = inspect.cleandoc("\n" + section)
        for entry in re.finditer(r"^(\w+)(?: \(.*?\))?:(.*(?:\n(?:[ \t].*|[ \t]*))*)", text, re.MULTILINE):
            yield entry[1], plain(entry[2])


def _given_to_super(function: ast.FunctionDef) -> set[str]:
    """Names of the arguments that a constructor passes to ``super().__init__`` explicitly."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"]
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def _definition(module: str, name: str, depth: int = 0) -> Source | None:
    """Find the definition of a name in a module, or in the module that it is imported from."""
    tree = _tree(module) if depth < 10 else None
    for node in tree.body if tree else []:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return Source(module, node)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return Source(module, node)
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == name or alias.name == "*":
                known = _definition(_origin(module, node), name if alias.name == "*" else alias.name, depth + 1)
                if known:
                    return known
    return None


def _origin(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module in an import statement."""
    if not node.level:
        return node.module or ""
    file = _file(module)
    package = module if file and file.name == "__init__.py" else module.rpartition(".")[0]
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, node.module] if node.module else parents)


@cache
def _tree(module: str) -> ast.Module | None:
    file = _file(module)
    try:
        return ast.parse(file.read_bytes()) if file else None
    except (SyntaxError, ValueError, OSError):
        return None


@cache
def _file(module: str) -> Path | None:
    """The file of a module. Only its top-level package is looked up with ``find_spec``, so nothing is imported."""
    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first) if first.isidentifier() else None
    except (ImportError, ValueError):
        return None
    if spec is None or not rest:
        return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or []:
        for file in (Path(folder, *rest).with_suffix(".py"), Path(folder, *rest, "__init__.py")):
            if file.is_file():
                return file
    return None
