"""Origin of figures: hashes of input and output files, versions of the code, and comparison of two reports."""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from oro_unlearn.files import sha256, sha256_of

PACKAGE = Path(__file__).resolve().parent.parent
VERSIONED = {*sys.stdlib_module_names, PACKAGE.name, "torch", "torchvision", "lightning"}  # identified by version
MODEL_FOLDERS = ("config.json", "open_clip_config.json")  # a folder with one of these files is a model
LARGEST = 1 << 20  # largest number of characters of an option that can be a path
FIGURES = (  # in a report
    *("metrics", "items", "neighbours", "redirection", "confusion", "confidences", "losses", "retrained_models", "gallery"),
    *("pictures", "answers", "lens", "paths"),
)
VOLATILE = ("ckpt_path", "resume", "trainer.enable_progress_bar", "trainer.default_root_dir")  # options that change no figure


def input_files(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Find the files that a configuration names: checkpoints, graphs, manifests, lists, and folders of models.

    Args:
        config: As YAML has it.

    Returns:
        ``path`` and ``sha256`` by option. Entries of a list are ``option.0``, ``option.1``, ...
    """
    found = {}
    for option, value in _leaves(config):
        if isinstance(value, str) and 0 < len(value) < LARGEST and (path := _model_or_file(value)):
            found[option] = named(path)
    return found


@cache
def package_sources() -> str:
    """SHA-256 over every file of the installed package, except compiled and hidden files."""
    inside = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*")) if path.is_file()]
    own = [path for path in inside if not any(part.startswith((".", "__pycache__")) for part in path.parts)]
    return sha256_of(f"{path.as_posix()} {sha256(PACKAGE / path)}\n" for path in own)


@cache
def commit() -> str:
    """The commit that the package was installed from, where pip knows it (``pip install git+...``); otherwise empty."""
    try:
        known = json.loads(distribution(PACKAGE.name).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return ""
    return str(known.get("vcs_info", {}).get("commit_id", ""))


def own_sources(config: Mapping[str, Any]) -> dict[str, str]:
    """Hash the code that a configuration names: the user's code, and packages whose version is not recorded.

    Args:
        config: Content of the YAML. The classes that it names are imported.

    Returns:
        SHA-256 by import path: of the files of a class and its base classes, or of the file of a function.
    """
    names = {value for option, value in _leaves(config) if option.rpartition(".")[2] == "class_path" and isinstance(value, str)}
    found = {name: sorted(_files_of(name)) for name in names}
    return {name: sha256_of(map(sha256, files)) for name, files in found.items() if files}


def _files_of(name: str) -> set[str]:
    """Files that define the class or function at an import path, and the base classes of a class."""
    module, _, attribute = name.rpartition(".")
    target = getattr(sys.modules.get(module), attribute, None)
    kinds = inspect.getmro(target) if inspect.isclass(target) else [inspect.unwrap(target)] if callable(target) else []
    modules = {kind.__module__ for kind in kinds if kind.__module__.partition(".")[0] not in VERSIONED}
    files = {getattr(sys.modules.get(module), "__file__", None) for module in modules}
    return {file for file in files if file and Path(file).is_file()}


def named(path: str | Path) -> dict[str, str]:
    """``path`` and ``sha256`` of a file. For a folder or the index of a sharded file, the hash covers the folder's files."""
    path = Path(path)
    if path.is_file() and not path.name.endswith(".index.json"):
        return {"path": str(path), "sha256": sha256(path)}
    folder = path if path.is_dir() else path.parent
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    return {"path": str(path), "sha256": sha256_of(f"{file.name} {sha256(file)}\n" for file in files)}


def written(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of the existing files of a run, by name."""
    return {name: sha256(root / name) for name in names if (root / name).is_file()}


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """Entries in which two reports differ, such as ``metrics.unlearned.test/acc_f``; empty if they are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for name in dict.fromkeys((*old, *new))
            for found in differences(old.get(name), new.get(name), f"{place}.{name}" if place else str(name))
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [f for n, (a, b) in enumerate(zip(old, new, strict=True)) for f in differences(a, b, f"{place}.{n}")]
    return [] if old == new else [place]


def compared(changed: Sequence[str]) -> str:
    """Summarise how a report that was measured again differs from the old report.

    Args:
        changed: Entries in which it differs from the old report.

    Example:
        >>> compared(["hardware.threads"])
        'every figure is that of the report that was here; what differs: hardware.threads'
        >>> compared(["metrics.unlearned.test/acc_f"])
        'not the report that was here; what differs: metrics.unlearned.test/acc_f'
    """
    if not changed:
        return "the same report as the one that was here"
    figures = [place for place in changed if place.partition(".")[0] in FIGURES]
    begin = "not the report that was here" if figures else "every figure is that of the report that was here"
    shown = [*figures, *(place for place in changed if place not in figures)][:5]
    return f"{begin}; what differs: {', '.join(shown)}{', ...' if len(changed) > len(shown) else ''}"


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{place}.{number}")
    elif place not in VOLATILE:
        yield place, value


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every option that can change a figure, by its full name."""
    return dict(_leaves(config))


def _model_or_file(value: str) -> str:
    """The file or model folder that an option names, without a prefix such as ``hf:``; empty if it names neither."""
    name = value.removeprefix("hf:").removeprefix("local-dir:")
    try:
        return name if Path(name).is_file() or any(Path(name, config).is_file() for config in MODEL_FOLDERS) else ""
    except (OSError, ValueError):  # the value is too long for a path, or has a null byte
        return ""
