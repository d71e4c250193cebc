"""The parser of one command."""

import os
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.cli import LightningArgumentParser

from oro_unlearn.cli.config_files import check_config, of_command
from oro_unlearn.cli.network_option import adopt


class CommandParser(LightningArgumentParser):
    """A parser of configuration files whose options stand at the top level, or nested under the names of commands."""

    command = ""

    def add_class_arguments(self, *args: Any, **kwargs: Any) -> list[str]:
        """Add the options of a class. Options that take a network are read by :class:`NetworkAction`."""
        added = super().add_class_arguments(*args, **kwargs)
        adopt(self)
        return added

    def parse_path(self, path: str | os.PathLike, *args: Any, **kwargs: Any) -> Namespace:
        """Parse a configuration file.

        Raises:
            UserError: If the file is not a YAML mapping. The message names file and line.
        """
        check_config(Path(path))
        return super().parse_path(path, *args, **kwargs)

    def parse_string(self, content: str, path: str | os.PathLike = "", **kwargs: Any) -> Namespace:
        """Parse the part of a configuration that belongs to this command."""
        return super().parse_string(of_command(content, self.command) if self.command else content, path, **kwargs)
