"""Record the code behind a figure: hashes of sources, without comments and docstrings."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import oro_unlearn
from oro_unlearn.files import sha256, sha256_of

PACKAGE, COMPARE = Path(oro_unlearn.__file__).parent, Path(__file__).parent
METHODS = "oro_unlearn.methods"
INSTALLED = (
    "torch",
    "torchvision",
    "lightning",
    "timm",
    "transformers",
    "oro_unlearn",
)  # packages whose version or source hash is recorded anyway
NOT_RECORDED = "not recorded"


@cache
def sources(method: str = "", more: tuple[Path, ...] = ()) -> str:
    """Hash of all code that a run uses: data, networks, metrics, caches. Files that only other methods need are left out.

    Args:
        method: A class of oro_unlearn.methods. If it is empty or unknown, the files of all methods are hashed.
        more: Files outside the package.
    """
    shared = {COMPARE / name for name in ("jobs.py", "sources.py")}
    return sha256_of(map(_tree, sorted({*_package(method), *more} | shared)))


def record(script: str, jobs: Iterable[Any] = ()) -> dict[str, Any]:
    """The entries of a results file that record the code behind its figures.

    Args:
        script: The file (``__file__``) that makes the figures.
        jobs: The jobs whose reports the figures come from.

    Returns:
        The current ``version`` and ``sources``; under ``reused`` the finished jobs that ran with other code, by its hash.
    """
    reused: dict[str, list[str]] = {}
    for job in jobs:
        if job.finished() and not job.current():
            reused.setdefault(job.recorded_sources(), []).append(job.folder.name)
    current = {"version": oro_unlearn.__version__, "sources": sources(more=(Path(script),))}
    return {**current, **({"reused": {code: sorted(set(names)) for code, names in reused.items()}} if reused else {})}


def said(result: Mapping[str, Any]) -> str:
    """Text for a table about the code behind a result.

    Example:
        >>> said({"sources": "0123456789abcdef"}), said({})
        ('sources 0123456789ab', 'sources not recorded')
    """
    text = f"sources {str(result.get('sources', NOT_RECORDED))[:12]}"
    return text + "".join(f", {len(names)} runs with sources {code[:12]}" for code, names in result.get("reused", {}).items())


def files_of(class_paths: Iterable[str]) -> tuple[Path, ...]:
    """Files of the user's classes and functions, by import path. Installed packages are left out: they have versions."""
    modules = {path.rpartition(".")[0] for path in class_paths if path.partition(".")[0] not in INSTALLED}
    specs = [find_spec(module) for module in sorted(modules - {""})]
    return tuple(Path(spec.origin) for spec in specs if spec and spec.origin and Path(spec.origin).is_file())


def _package(method: str) -> set[Path]:
    """Files of the package, without those that only other methods need, and without the comparison, whose files jobs add."""
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    files = {path for path in files if COMPARE not in path.parents}
    by_name = {name: _path(module) for module, names in _imports(PACKAGE / "methods/__init__.py") for name in names}
    if method not in by_name:
        return files
    return files - set(by_name.values()) | _needed(by_name[method])


def _needed(path: Path) -> set[Path]:
    """A method's file and the files of all methods that it imports, directly or through other methods."""
    needed, new = set(), {path}
    while new:
        needed |= new
        new = {_path(module) for file in new for module, _ in _imports(file)} - needed
    return needed


def _imports(path: Path) -> list[tuple[str, list[str]]]:
    """Modules of methods that a file imports from, with the imported names."""
    return [(module, names) for module, names in _imported(path.read_text()) if _path(module).is_file()]


@cache
def _imported(code: str) -> list[tuple[str, list[str]]]:
    """Modules of methods that a code imports from, with the imported names."""
    nodes = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    named = [(node.module or "", [alias.name for alias in node.names]) for node in nodes]
    return [(module, names) for module, names in named if module.startswith(f"{METHODS}.")]


def _path(module: str) -> Path:
    return PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")


def _tree(path: Path) -> str:
    """Hash of a file. For Python, the syntax tree without docstrings is hashed."""
    return _of_code(path.read_text()) if path.suffix == ".py" else sha256(path)


@cache
def _of_code(code: str) -> str:
    """Hash of a syntax tree without docstrings. To parse all files takes seconds, to read them nearly nothing."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return sha256_of([ast.dump(tree)])
