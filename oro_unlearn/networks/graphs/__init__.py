"""Graph networks, their structure heads and mask generators; built with torch_geometric (extra ``graph``)."""

from oro_unlearn.networks.graphs.encoder import ENCODERS, Encoder, FirstConvolution, GraphEncoder
from oro_unlearn.networks.graphs.graph_network import GraphNetwork, Task
from oro_unlearn.networks.graphs.mask_generator import MaskGenerator
from oro_unlearn.networks.graphs.sparse_features import at_nonzeros, features_times, nonzeros
from oro_unlearn.networks.graphs.structure_heads import StructureHeads

__all__ = [
    "ENCODERS",
    "Encoder",
    "FirstConvolution",
    "GraphEncoder",
    "GraphNetwork",
    "MaskGenerator",
    "StructureHeads",
    "Task",
    "at_nonzeros",
    "features_times",
    "nonzeros",
]
