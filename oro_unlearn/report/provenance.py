"""Where a figure comes from: hashes of what was read and written, the code's version, and whether a report can be had again."""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LARGEST = 1 << 20  # characters of an option that can be a path
FIGURES = ("metrics", "items", "neighbours", "redirection", "retrained_models", "gallery", "pictures")  # of a report
VOLATILE = ("ckpt_path", "resume", "trainer.enable_progress_bar", "trainer.default_root_dir")  # change no figure


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def input_files(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Files that a configuration names: checkpoints, graphs, manifests, lists.

    Args:
        config: As YAML has it.

    Returns:
        ``path`` and ``sha256`` by option; of a list, ``option.0``, ``option.1``, ...
    """
    found = {}
    for option, value in _leaves(config):
        if isinstance(value, str) and 0 < len(value) < LARGEST and _is_file(value):
            found[option] = {"path": value, "sha256": sha256(value)}
    return found


def commit() -> str | None:
    """The git commit of the package's sources, ``+changes`` where they differ from it; None where there is no repository."""
    package = Path(__file__).resolve().parent.parent
    try:
        head = _git("rev-parse", "HEAD", folder=package)
        return head + ("+changes" if _git("status", "--porcelain", "--", ".", folder=package) else "")
    except (OSError, subprocess.SubprocessError):
        return None


def written(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """SHA-256 of the files of a run that are there, by name."""
    return {name: sha256(root / name) for name in names if (root / name).is_file()}


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """Where two reports differ, as ``metrics.unlearned.test/acc_f``; nothing where they say the same."""
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
    """What is to be said of a report that was measured again.

    Args:
        changed: Where it differs from the old one.

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


def _is_file(value: str) -> bool:
    try:
        return Path(value).is_file()
    except (OSError, ValueError):  # too long for a path, or with a null byte
        return False


def _git(*words: str, folder: Path) -> str:
    run = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()
