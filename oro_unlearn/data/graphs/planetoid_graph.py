"""Cora and CiteSeer from the raw files of Planetoid, whose hashes are known."""

from pathlib import Path
from typing import Any, Literal

from oro_unlearn.data.graphs.graph_data_module import GraphDataModule
from oro_unlearn.data.images.image_data import data_root
from oro_unlearn.files import sha256
from oro_unlearn.user_error import UserError

Citations = Literal["Cora", "CiteSeer"]
HASHES = {  # SHA-256 of the published files: they are pickles, and a pickle can run any code
    "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
}


class PlanetoidGraph(GraphDataModule):
    """A citation graph of Planetoid (Yang et al., 2016): papers with bags of words, their citations and subjects.

    The raw files ``ind.cora.x`` and so on are pickles. They are read only if they are the published ones, byte by byte.

    Args:
        root: Folder with the raw files, or with ``raw`` or ``NAME/raw`` in it. A relative path that does not exist here is
            looked up in the folder of all data sets, see ``ORO_DATA``.
        graph: ``Cora`` or ``CiteSeer``.
        split: As in :class:`GraphDataModule`.
        kwargs: Arguments of :class:`GraphDataModule`.

    Raises:
        UserError: If a file is missing or is not the published one.
    """

    def __init__(
        self,
        root: str = "planetoid",
        graph: Citations = "Cora",
        split: Literal["public", "random"] = "public",
        **kwargs: Any,
    ) -> None:
        super().__init__(split=split, **kwargs)
        self.root, self.graph_name = root, graph
        self.name = graph.lower()

    @property
    def folder(self) -> Path:
        """The folder with the raw files.

        Raises:
            UserError: If there is none.
        """
        root = data_root(self.root)
        places = [root, root / "raw", root / self.graph_name / "raw"]
        found = [place for place in places if (place / f"ind.{self.name}.x").is_file()]
        if not found:
            raise UserError(f"no raw files of {self.graph_name} (ind.{self.name}.x) in {root}: set --data.root or ORO_DATA")
        return found[0]

    def read(self) -> list[Any]:
        """The graph, read by torch_geometric once every file is known to be the published one.

        Raises:
            UserError: If a file is missing or is another one.
        """
        folder = self.folder
        for file, digest in HASHES.items():
            if not file.startswith(f"ind.{self.name}."):
                continue
            if not (folder / file).is_file():
                raise UserError(f"{folder / file} is missing: copy all eight raw files of {self.graph_name}")
            if sha256(folder / file) != digest:
                raise UserError(f"{folder / file} is not the published file (SHA-256), and a pickle can run code: not read")
        from torch_geometric.io import read_planetoid_data

        return [read_planetoid_data(str(folder), self.graph_name)]
