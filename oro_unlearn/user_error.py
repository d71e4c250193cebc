"""The error of whoever uses the package."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """A mistake that the user can mend: an option, a file, a class, data, or a full disk.

    Its message is one line that says what is wrong, where, and what to do. The command line prints that line and ends with exit
    code 2. Any other exception is a fault of the package, and keeps its traceback.
    """


@contextmanager
def options_of(where: str) -> Iterator[None]:
    """What a library's ValueError says of the options that a user gives to it is a UserError.

    Args:
        where: Begin of the options' names, such as ``--trainer``.

    Raises:
        UserError: In place of a ValueError.

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
