"""Any data set of torch_geometric, by its class."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from lightning.pytorch.utilities.seed import isolate_rng

from oro_unlearn.data.graphs.graph_data_module import GraphDataModule
from oro_unlearn.data.graphs.graph_splits import _seed_all
from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError


class AnyGraph(GraphDataModule):
    """A data set of torch_geometric, or a class of the user's that derives from :class:`torch_geometric.data.Dataset`.

    What a data set downloads, and whether its files can be trusted, is up to its class. Data sets that are drawn at random are
    drawn by ``seed``.

    Args:
        dataset: Import path of the class, such as ``torch_geometric.datasets.KarateClub``.
        options: Arguments of the class, such as ``{"root": "data/amazon", "name": "Photo"}``.
        kwargs: Arguments of :class:`GraphDataModule`.

    Raises:
        UserError: If there is no such class, or it cannot be made.
    """

    def __init__(self, dataset: str, options: dict[str, Any] = {}, **kwargs: Any) -> None:  # noqa: B006 (never changed)
        super().__init__(**kwargs)
        self.dataset, self.options = dataset, dict(options)
        self.name = str(self.options.get("name", dataset.rpartition(".")[2])).lower()

    def read(self) -> list[Any]:
        """The graphs of the data set.

        Raises:
            UserError: If there is no such class, or it cannot be made.
        """
        kind = _class_of(self.dataset)
        with isolate_rng():
            _seed_all(self.seed)
            try:
                found = kind(**_plain(self.options))
                return [found[number] for number in range(len(found))]
            except (TypeError, ValueError, OSError, RuntimeError, AssertionError) as error:
                raise UserError(f"--data.dataset {self.dataset}: {first_line(error)}; see --data.options") from error


def _class_of(path: str) -> Any:
    """The class of an import path.

    Raises:
        UserError: If it is no data set of torch_geometric.
    """
    from torch_geometric.data import Dataset

    module, _, name = path.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"--data.dataset {path!r} cannot be imported: {first_line(error)}") from None
    if not (isinstance(kind, type) and issubclass(kind, Dataset)):
        raise UserError(f"--data.dataset {path!r} is not a class that derives from torch_geometric.data.Dataset")
    return kind


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as plain values, whatever the command line made of them."""
    return {str(name): value for name, value in options.items()}
