"""Neurons of feed-forward blocks: which of them carry what a network knows, and edits of them alone."""

from oro_unlearn.networks.neurons.clip_layers import clip_neuron_layers
from oro_unlearn.networks.neurons.neuron_layer import NeuronLayer
from oro_unlearn.networks.neurons.path_scores import path_scores
from oro_unlearn.networks.neurons.path_selection import Overlap, overlap, random_paths, select_paths
from oro_unlearn.networks.neurons.pruning import prune
from oro_unlearn.networks.neurons.recording import recorded
from oro_unlearn.networks.neurons.trained_rows import TrainedRows, plain_linears, plain_state

__all__ = [
    "NeuronLayer",
    "Overlap",
    "TrainedRows",
    "clip_neuron_layers",
    "overlap",
    "path_scores",
    "plain_linears",
    "plain_state",
    "prune",
    "random_paths",
    "recorded",
    "select_paths",
]
