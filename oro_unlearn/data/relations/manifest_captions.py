"""The captions of a manifest: those of the graph, and those that name nothing of it."""

from oro_unlearn.graph import Captions, Concept, RelationGraph
from oro_unlearn.graph.captions import Bank


class ManifestCaptions(Captions):
    """The graph's captions; a neutral picture without an edge is a concept that only its own caption says."""

    def plain(self, concept: Concept) -> str:
        """The concept by its names, or the caption that it is."""
        return concept[0] if is_free(concept, self.graph) else super().plain(concept)

    def wordings(self, concept: Concept, bank: Bank) -> list[str]:
        """Captions in words of the bank; none of a concept that is a caption."""
        return [] if is_free(concept, self.graph) else super().wordings(concept, bank)


def is_free(concept: Concept, graph: RelationGraph) -> bool:
    """Whether a concept is a caption that names nothing of the graph.

    Args:
        concept: A tuple, or one name alone.
        graph: Gives the names.
    """
    return len(concept) == 1 and concept[0] not in graph.objects
