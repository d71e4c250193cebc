"""What relational data trains on, in names and texts, for the tests."""

import itertools
from pathlib import Path

import torch
from lightning.pytorch import LightningModule

from oro_unlearn.data import RelationPairs
from oro_unlearn.data.relations.relation_data import GROUPS, RelationData
from oro_unlearn.graph import Concept
from tests.small_world import write_graph

FEW = {"pairs": 40, "gallery": 1, "probe_pictures": 12, "neighbour_pictures": 1}
MINOR = "minor drinking alcohol"


def pairs_of(folder: str | Path, **options) -> RelationPairs:
    """A folder's pictures in the roles of the small world."""
    return RelationPairs(**{"root": str(folder), "graph": write_graph(), "image_size": 32, "batch_size": 8, **options})


def shown(data: RelationData, split: str) -> set[Concept]:
    """What the pictures of a split show; (caption,) where the graph has no name for it."""
    objects, relations = list(data.graph.objects), list(data.graph.relations)
    names = [
        (objects[s], relations[r], objects[o]) if r >= 0 else (objects[s],) if s >= 0 else (caption,)
        for (s, r, o), caption in zip(data.split(split).slots.tolist(), data.split(split).captions, strict=True)
    ]
    return set(names)


def trained_texts(data: RelationData) -> list[str]:
    """Every text that training can see."""
    return [text for name in GROUPS for text in (*data.split(name).captions, *data.split(name).attacks)] + vocabulary(data)


def vocabulary(data: RelationData) -> list[str]:
    return list(itertools.chain.from_iterable(data.vocabulary.values()))


class Counting(LightningModule):
    """Writes down how many pairs of each group a batch holds, and which."""

    train_splits = GROUPS
    loader_mode = "max_size_cycle"

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.sizes: list[dict[str, int]] = []
        self.seen: dict[str, set[int]] = {name: set() for name in GROUPS}

    def epoch_seed(self, *numbers):
        return hash((self._trainer and self.current_epoch, *numbers)) % 2**63

    def needs_images(self, split):
        return True

    def training_step(self, batch):
        self.sizes.append({name: len(parts[0]) for name, parts in batch.items()})
        assert all(len(set(map(len, parts))) == 1 for parts in batch.values())
        for name, parts in batch.items():
            self.seen[name] |= set(parts[4].tolist())
        return self.weight * 0

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
