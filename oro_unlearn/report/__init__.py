"""Readable results: reports, tables and pictures."""

from importlib import import_module
from pkgutil import iter_modules


def pictures() -> tuple[str, ...]:
    """Names of the pictures of all kinds of reports: ``FIGURES`` of every module here whose name ends in ``_report``."""
    names = [module.name for module in iter_modules(__path__) if module.name.endswith("_report")]
    found = [getattr(import_module(f"{__name__}.{name}"), "FIGURES", ()) for name in names]
    return tuple(picture for figures in found for picture in figures)
