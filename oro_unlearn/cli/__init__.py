"""The command line ``oro-unlearn``. Scripts call :func:`main` and :func:`build`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oro_unlearn.cli.settling import settle
    from oro_unlearn.cli.unlearning_cli import UnlearningCLI, build, main

__all__ = ["UnlearningCLI", "build", "main", "settle"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that the console script can print help without importing torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from oro_unlearn.cli import settling, unlearning_cli

    return settling.settle if name == "settle" else getattr(unlearning_cli, name)
