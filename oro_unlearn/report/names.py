"""Safe display of names that users give, such as names of folders."""

from collections.abc import Iterator
from contextlib import contextmanager

from oro_unlearn.files import printable, shortened

LONGEST = 60  # largest number of characters of a name in a picture or a title


def label(name: str) -> str:
    """A name for a picture or a title: printable, and at most 60 characters long.

    Args:
        name: Name of a class or a tuple.
    """
    return shortened(printable(name), LONGEST, "…")


@contextmanager
def literal_text() -> Iterator[None]:
    """Make Matplotlib show dollar signs within the block, instead of reading formulas."""
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}):
        yield
