"""Published annotations of relations in pictures, as a relation graph and a manifest."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from oro_unlearn.data.relations.importers.annotation import Annotation
from oro_unlearn.data.relations.importers.hico_det import hico_det
from oro_unlearn.data.relations.importers.open_images import open_images
from oro_unlearn.data.relations.importers.visual_genome import visual_genome
from oro_unlearn.data.relations.importers.vrd import vrd

Reader = Callable[[Sequence[Path]], Iterator[Annotation]]
READERS: dict[str, tuple[Reader, str]] = {  # the reader, and the name of the data set
    "hico-det": (hico_det, "HICO-DET"),
    "visual-genome": (visual_genome, "Visual Genome"),
    "vrd": (vrd, "VRD"),
    "openimages": (open_images, "Open Images"),
}

__all__ = ["READERS", "Annotation"]
