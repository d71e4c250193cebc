"""A bad input, and the check that the command line rejects it in one line and keeps an earlier run unchanged."""

import contextlib
import io
import json
import os
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from oro_unlearn.cli import main
from oro_unlearn.networks import SmallCNN, save_weights

CONFIGS = Path(__file__).parents[2] / "lightning_configs"
FINISHED = (
    *("config.yaml", "model.ckpt", "model.safetensors", "report.json", "report.html", "report.md", "redirection.png"),
    "adapter/adapter_config.json",
)
RAN = Path("code_ran")  # written by code that must not run
ONE_BATCH = (
    *("--trainer.limit_train_batches", "1", "--trainer.limit_test_batches", "1", "--trainer.enable_progress_bar", "false"),
    *("--trainer.accelerator", "cpu", "--trainer.max_epochs", "1"),
)
DIGITS = ("fit", "--config", str(CONFIGS / "digits" / "rwft_o.yaml"), *ONE_BATCH, "--data.batch_size", "8")
DIGITS = (*DIGITS, "--model.original", "original.safetensors", "--data.forget", "[8]")
DIGITS = (*DIGITS, "--force", "true")  # random weights know nothing of what is to be forgotten


def nothing() -> None:
    """Prepare nothing."""


class BadInput(NamedTuple):
    """What a user could give, and what must come of it."""

    name: str
    words: tuple[str, ...]  # of the command line
    message: str  # pattern of its one line; of what is printed where it ``works``
    prepare: Callable[[], object] = nothing  # puts files into the current folder
    during: Callable[[], AbstractContextManager[object]] = nullcontext  # around the run
    started: bool = False  # fails when its first checkpoint has taken the place of an earlier run's
    works: bool = False  # legal, if odd


class Malicious:
    """Would run code if it were unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {RAN}",)


def wrote(path: str, content: str | bytes) -> Callable[[], object]:
    """A preparation that writes one file.

    Args:
        path: Relative to the current folder; missing folders are made.
        content: Text is written as UTF-8.
    """

    def prepare() -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def both(*preparations: Callable[[], object]) -> Callable[[], object]:
    """One preparation after the other."""

    def prepare() -> None:
        for step in preparations:
            step()

    return prepare


@cache
def weights(classes: int = 10, channels: int = 1, width: int = 16) -> dict[str, Tensor]:
    """Random weights of the network of the digits."""
    torch.manual_seed(0)
    return SmallCNN(classes, width=width, in_channels=channels).state_dict()


def attempt(entry: BadInput, folder: Path) -> list[str]:
    """Run a bad input in an empty folder, next to a finished run.

    Args:
        entry: The input.
        folder: Where it runs; the process stays there.

    Returns:
        What went wrong, in words; nothing where all is as it should be.
    """
    os.chdir(folder)
    save_weights(weights(), "original.safetensors")
    earlier = {Path("out", name): f'"earlier {name}"'.encode() for name in FINISHED}
    for path, content in earlier.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    entry.prepare()
    words = entry.words
    if "--config" in entry.words and "--trainer.default_root_dir" not in entry.words:
        words = (*words, "--trainer.default_root_dir", "out")
    code, printed, said = _run(words, entry.during)
    faults = ["code of the input ran"] if RAN.exists() else []
    if entry.works:
        return faults + _unlike(entry, printed) if code == 0 else [*faults, f"exit code {code}: {said[-400:]}"]
    faults += _refusal(entry, code, said)
    if not entry.started:
        faults += [f"{path} of the earlier run is changed" for path, content in earlier.items() if _content(path) != content]
        left = {path for path in Path("out").rglob("*") if path.is_file()} if Path("out").is_dir() else set()
        faults += [f"{path} was left behind" for path in sorted(left - earlier.keys()) if path.parts[1] != "logs"]
    return faults + [f"{path} was left behind" for path in Path().rglob("*.part")]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _run(words: tuple[str, ...], during: Callable[[], AbstractContextManager[object]]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said), _wide(), during():
        try:
            main(list(words))
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:
            code = 1
            traceback.print_exc(file=said)
    return code, printed.getvalue(), said.getvalue()


@contextlib.contextmanager
def _wide() -> Iterator[None]:
    """A terminal so wide that no table wraps."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "600"
    try:
        yield
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before


def _refusal(entry: BadInput, code: int, said: str) -> list[str]:
    lines = [line for line in said.splitlines() if line.startswith("oro-unlearn: error:")]
    faults = [] if code == 2 else [f"exit code {code}"]
    if "Traceback" in said or len(lines) != 1 or not said.endswith(lines[-1] + "\n"):
        return [*faults, f"{len(lines)} lines of error; the end: {said[-600:]}"]
    if len(lines[0]) > 1000:
        faults.append(f"the line has {len(lines[0])} characters")
    if not lines[0].isprintable():
        faults.append(f"the line is not printable: {lines[0]!r}")
    return faults + _unlike(entry, lines[0])


def _unlike(entry: BadInput, text: str) -> list[str]:
    return [] if re.search(entry.message, text) else [f"not {entry.message!r} but: {text[:600]}"]


def pickled(path: str) -> Callable[[], object]:
    """A preparation that writes a pickle with code in it, as torch and as Python write it."""

    def prepare() -> None:
        if path.endswith(".pkl"):
            Path(path).write_bytes(pickle.dumps(Malicious()))
        else:
            torch.save(Malicious(), path)

    return prepare


def dumped(path: str, content: object) -> Callable[[], object]:
    """A preparation that writes JSON, which is YAML too."""
    return wrote(path, json.dumps(content))
