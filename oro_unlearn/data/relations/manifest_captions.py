"""The captions of a manifest: captions of the graph, and captions that name nothing of the graph."""

from oro_unlearn.graph import Captions, Concept, RelationGraph
from oro_unlearn.graph.captions import Bank


class ManifestCaptions(Captions):
    """The graph's captions. If a neutral picture has no edge, its own caption is its concept."""

    def plain(self, concept: Concept) -> str:
        """The concept by its names; if the concept is a caption, that caption."""
        return concept[0] if is_free(concept, self.graph) else super().plain(concept)

    def wordings(self, concept: Concept, bank: Bank) -> list[str]:
        """Captions in words of the bank; none if the concept is a caption."""
        return [] if is_free(concept, self.graph) else super().wordings(concept, bank)


def is_free(concept: Concept, graph: RelationGraph) -> bool:
    """Whether a concept is a caption that names nothing of the graph.

    Args:
        concept: A tuple, or one name alone.
        graph: The relation graph. It gives the names.
    """
    return len(concept) == 1 and concept[0] not in graph.objects
