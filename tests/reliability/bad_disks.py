"""Folders without write permission, and full disks."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.reliability.attempts import DIGITS, BadInput, wrote
from tests.reliability.bad_configs import SCENES
from tests.small_world import write_graph

OUT = "--trainer.default_root_dir"
CACHED = (
    *DIGITS,
    "--model.update",
    "[fc]",
    "--data.crop_padding",
    "0",
    "--model.cache",
    "activations",
    "--model.cache_limit",
    "0",
)
CACHED = (*CACHED, "--trainer.max_epochs", "2", "--trainer.limit_train_batches", "1.0", "--data.batch_size", "256")


@contextmanager
def small_files(limit: int) -> Iterator[None]:
    """Files end at so many bytes, as on a disk that fills up while they are written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_at(name: str) -> Callable[[], AbstractContextManager[Any]]:
    """The disk is full when a file of this name is to be put in its place."""
    replace = os.replace

    def refuse(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source))
        replace(source, target, **options)

    return lambda: mock.patch("os.replace", refuse)


FULL = r"(No space left|cannot be written|cannot write|File too large|disk)"
DISKS = [
    BadInput(
        "the folder is a file",
        (*DIGITS, OUT, "some.txt"),
        "some.txt.*(folder|directory)|(File exists|Not a directory).*some.txt",
        wrote("some.txt", "mine"),
    ),
    BadInput("a folder below a file", (*DIGITS, OUT, "some.txt/out"), "some.txt", wrote("some.txt", "mine")),
    BadInput("a folder that cannot be made", (*DIGITS, OUT, "/proc/out"), "/proc/out"),
    BadInput("a folder below a device", (*DIGITS, OUT, "/dev/null/out"), "/dev/null/out"),
    BadInput("a very long name of a folder", (*DIGITS, OUT, "z" * 5000), "File name too long"),
    BadInput("a NUL in the name of a folder", (*DIGITS, OUT, "a\0b"), "null byte|NUL|zero byte"),
    BadInput(
        "the report's place is a folder",
        (*DIGITS, OUT, "taken"),
        "taken/report.json|Is a directory",
        lambda: Path("taken/report.json/mine").mkdir(parents=True),
    ),
    BadInput(
        "the checkpoint's place is a folder",
        (*DIGITS, OUT, "taken"),
        "taken/model.ckpt|Is a directory",
        lambda: Path("taken/model.ckpt/mine").mkdir(parents=True),
    ),
    BadInput(
        "the weights' place is a folder",
        (*DIGITS, OUT, "taken"),
        "taken/model.safetensors|Is a directory",
        lambda: Path("taken/model.safetensors/mine").mkdir(parents=True),
    ),
    BadInput("the logs' place is a file", DIGITS, "out/logs", wrote("out/logs", "mine")),
    BadInput("a cache where nothing can be written", (*CACHED, OUT, "/proc/out"), "/proc/out"),
    *(
        BadInput(f"full at {size} bytes a file", DIGITS, FULL, during=lambda size=size: small_files(size))
        for size in (0, 500, 5000, 20_000, 50_000)
    ),
    BadInput("full at 50000 bytes a file, a cache on disk", CACHED, FULL, during=lambda: small_files(50_000)),
    BadInput("scenes, full at 100000 bytes a file", SCENES, FULL, write_graph, lambda: small_files(100_000)),
    *(  # after the first checkpoint of the new run has taken the place of the earlier one
        BadInput(f"full at {name}", DIGITS, FULL, during=full_at(name), started=True)
        for name in ("model.ckpt", "model.safetensors", "report.json")
    ),
    *(
        BadInput(f"scenes, full at {name}", SCENES, FULL, write_graph, full_at(name), started=True)
        for name in ("model.safetensors", "report.json", "adapter_model.safetensors", "graph.png")
    ),
]
KINDS = {"disks": DISKS}
