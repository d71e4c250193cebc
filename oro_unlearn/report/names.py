"""Names that users give, such as those of folders, shown as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from oro_unlearn.files import shortened

LONGEST = 60  # letters of a name in a picture or a title


def printable(text: str) -> str:
    r"""One line in which nothing steers a terminal or turns text round: such letters are spelt out.

    Args:
        text: Any text.

    Example:
        >>> print(printable("two\nlines [bold]"))
        two\nlines [bold]
    """
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def label(name: str) -> str:
    """A name for a picture or a title: printable, and not longer than 60 letters.

    Args:
        name: Of a class or a tuple.
    """
    return shortened(printable(name), LONGEST, "…")


@contextmanager
def literal_text() -> Iterator[None]:
    """Matplotlib shows dollar signs instead of reading formulas."""
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False, "text.usetex": False}):
        yield
