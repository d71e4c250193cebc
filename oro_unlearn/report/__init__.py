"""What a person reads: reports, tables and figures."""

from importlib import import_module
from pkgutil import iter_modules


def pictures() -> tuple[str, ...]:
    """Names of the pictures that a report of any kind may have: ``FIGURES`` of every module here called ``..._report``."""
    names = [module.name for module in iter_modules(__path__) if module.name.endswith("_report")]
    found = [getattr(import_module(f"{__name__}.{name}"), "FIGURES", ()) for name in names]
    return tuple(picture for figures in found for picture in figures)
