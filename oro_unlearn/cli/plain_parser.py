"""The parser of all commands other than ``fit``, ``test`` and ``check``."""

import argparse
from typing import Any, NoReturn

from oro_unlearn.user_error import UserError


class PlainParser(argparse.ArgumentParser):
    """Accepts no abbreviated options, and raises its errors as a one-line UserError.

    Args:
        command: Name of the command, the word after ``oro-unlearn``.
        kwargs: Arguments of ArgumentParser.
    """

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(prog=f"oro-unlearn {command}", allow_abbrev=False, **kwargs)
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Raise a UserError."""
        raise UserError(f"{self.command}: {message}; see {self.prog} --help")
