"""Text embeddings of objects, relations and tuples by a CLIP model."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from oro_unlearn.graph import Captions, RelationGraph, Triple
from oro_unlearn.networks import OpenCLIP
from oro_unlearn.networks.caption_vectors import encode_captions

BATCH = 256  # captions


def node_features(network: OpenCLIP, graph: RelationGraph) -> Tensor:
    """Features of objects, then of relations, in file order.

    Args:
        network: A CLIP model. It reads the plain caption of an object, and the name of a relation.
        graph: The graph, with N objects and R relations.

    Returns:
        (N + R, D) float32 unit vectors, from which the mean of all was subtracted.
    """
    captions = Captions(graph)
    features = embedded(network, [*(captions.plain((name,)) for name in graph.objects), *graph.relations])
    return normalize(features - features.mean(0), dim=-1)


def caption_features(network: OpenCLIP, graph: RelationGraph, triples: Sequence[Triple]) -> Tensor:
    """Unit vectors of the plain captions of T tuples, (T, D) float32."""
    captions = Captions(graph)
    return embedded(network, [captions.plain(triple) for triple in triples])


@torch.no_grad()
def embedded(network: OpenCLIP, captions: Sequence[str]) -> Tensor:
    """Unit vectors of captions, (B, D) float32."""
    return encode_captions(network, captions, BATCH)
