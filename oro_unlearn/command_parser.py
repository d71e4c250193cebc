"""The parser of one command."""

import os
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from oro_unlearn.config_files import of_command


class CommandParser(LightningArgumentParser):
    """A parser whose configuration files may hold its options alone, or nested under the names of commands."""

    command = ""

    def parse_string(self, content: str, path: str | os.PathLike = "", **kwargs: Any) -> Namespace:
        """Parse a configuration, of which this command's part counts."""
        return super().parse_string(of_command(content, self.command) if self.command else content, path, **kwargs)
