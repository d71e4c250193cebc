"""Data, split by a request to forget: labelled images, pictures of relations, and questions about people. Graphs, too."""

from oro_unlearn.data.graphs.any_graph import AnyGraph
from oro_unlearn.data.graphs.graph_data_module import GraphDataModule
from oro_unlearn.data.graphs.planetoid_graph import PlanetoidGraph
from oro_unlearn.data.graphs.tu_graphs import TUGraphs
from oro_unlearn.data.images.cifar10 import CIFAR10
from oro_unlearn.data.images.cifar100 import CIFAR100
from oro_unlearn.data.images.digits import Digits
from oro_unlearn.data.images.fashion_mnist import FashionMNIST
from oro_unlearn.data.images.image_data import ImageData
from oro_unlearn.data.images.image_folder import ImageFolder
from oro_unlearn.data.images.mnist import MNIST
from oro_unlearn.data.images.tiny_imagenet import TinyImageNet
from oro_unlearn.data.personas.clear import CLEAR
from oro_unlearn.data.personas.mllmu_bench import MLLMUBench
from oro_unlearn.data.personas.persona_file import PersonaFile
from oro_unlearn.data.personas.persona_questions import PersonaQuestions
from oro_unlearn.data.personas.personas import Personas
from oro_unlearn.data.relations.relation_pairs import RelationPairs
from oro_unlearn.data.scenes.scenes import Scenes

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CLEAR",
    "MNIST",
    "AnyGraph",
    "Digits",
    "FashionMNIST",
    "GraphDataModule",
    "ImageData",
    "ImageFolder",
    "MLLMUBench",
    "PersonaFile",
    "PersonaQuestions",
    "Personas",
    "PlanetoidGraph",
    "RelationPairs",
    "Scenes",
    "TUGraphs",
    "TinyImageNet",
]
