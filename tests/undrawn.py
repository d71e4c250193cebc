"""Pictures of one pixel, for runs whose pictures nobody looks at."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from oro_unlearn.report import class_report, drawings, relation_report

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)  # a PNG


@contextmanager
def undrawn() -> Iterator[None]:
    """Every picture that is drawn in this block is one pixel."""

    def pixel(*given: Any) -> None:
        given[-1].write_bytes(PIXEL)

    with ExitStack() as stack:
        for place, name, stub in (
            ("matplotlib.figure.Figure", "savefig", lambda _, path, **__: Path(path).write_bytes(PIXEL)),
            (drawings.__name__, "drawn", lambda _: "<svg></svg>"),
            (class_report.__name__, "plot_confusion_and_redirection", pixel),
            *((relation_report.__name__, name, pixel) for name in ("plot_losses", "plot_cosines", "plot_closest")),
        ):
            stack.enter_context(mock.patch(f"{place}.{name}", stub))
        yield
