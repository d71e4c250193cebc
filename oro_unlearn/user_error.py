"""The error class for mistakes of the user."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """A mistake that the user can correct, such as a wrong option, file, class or data set, or a full disk.

    Its message is one line that says what is wrong, where, and what to do. The command line prints that line and ends with exit
    code 2. Any other exception is a fault of the package, and keeps its traceback.
    """


@contextmanager
def options_of(where: str) -> Iterator[None]:
    """Turn a library's ValueError about a user's options into a UserError.

    Args:
        where: Start of the options' names, such as ``--trainer``.

    Raises:
        UserError: Replaces the ValueError.

    Example:
        >>> with options_of("--model.optimizer"):
        ...     raise ValueError("Invalid learning rate: -0.1")
        Traceback (most recent call last):
        oro_unlearn.user_error.UserError: --model.optimizer: Invalid learning rate: -0.1
    """
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
