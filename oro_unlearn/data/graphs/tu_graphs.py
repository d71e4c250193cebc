"""Sets of graphs in the text format of TUDataset."""

from pathlib import Path
from typing import Any

from oro_unlearn.data.graphs.graph_data_module import GraphDataModule, Task
from oro_unlearn.data.images.image_data import data_root
from oro_unlearn.files import first_line
from oro_unlearn.user_error import UserError


class TUGraphs(GraphDataModule):
    """Graphs with classes, in the files ``NAME_A.txt``, ``NAME_graph_indicator.txt``, ``NAME_graph_labels.txt`` and so on.

    Labels of nodes become features (one of them is 1), beside the attributes of nodes if there are any. Graphs without either
    have a single feature, 1.

    Args:
        root: Folder with these files, or with ``NAME`` or ``NAME/raw`` in it.
        collection: Name of the set, with which its files begin, such as ``MUTAG``.
        task: As in :class:`GraphDataModule`.
        kwargs: Arguments of :class:`GraphDataModule`.

    Raises:
        UserError: If the files are missing or cannot be read.
    """

    def __init__(self, root: str, collection: str, task: Task = "graph", **kwargs: Any) -> None:
        super().__init__(task=task, **kwargs)
        self.root, self.collection = root, collection
        self.name = collection.lower()

    @property
    def folder(self) -> Path:
        """The folder with the files.

        Raises:
            UserError: If there is none.
        """
        root = data_root(self.root)
        places = [root, root / "raw", root / self.collection, root / self.collection / "raw"]
        found = [place for place in places if (place / f"{self.collection}_A.txt").is_file()]
        if not found:
            raise UserError(f"no {self.collection}_A.txt in {root}: set --data.root to the folder of the unpacked set")
        return found[0]

    def read(self) -> list[Any]:
        """The graphs.

        Raises:
            UserError: If a file is wrong.
        """
        from torch_geometric.data import Data
        from torch_geometric.data.separate import separate
        from torch_geometric.io import read_tu_data

        try:
            together, slices, _ = read_tu_data(str(self.folder), self.collection)
        except (ValueError, IndexError, RuntimeError, OSError) as error:
            raise UserError(f"{self.folder}: the files of {self.collection} cannot be read ({first_line(error)})") from None
        count = len(slices["edge_index"]) - 1
        return [separate(Data, batch=together, idx=number, slice_dict=slices, decrement=False) for number in range(count)]
