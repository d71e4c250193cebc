"""The parser of commands that are no runs."""

import argparse
from typing import Any, NoReturn

from oro_unlearn.user_error import UserError


class PlainParser(argparse.ArgumentParser):
    """Reads no abbreviations, and raises its errors as one line.

    Args:
        command: Word after ``oro-unlearn``.
        kwargs: Arguments of ArgumentParser.
    """

    def __init__(self, command: str, **kwargs: Any) -> None:
        super().__init__(prog=f"oro-unlearn {command}", allow_abbrev=False, **kwargs)
        self.command = command

    def error(self, message: str) -> NoReturn:
        """Raise a UserError."""
        raise UserError(f"{self.command}: {message}; see {self.prog} --help")
