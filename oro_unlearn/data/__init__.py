"""Image sets, split by a request to forget: labelled images, and pictures of relations."""

from oro_unlearn.data.base import ImageData
from oro_unlearn.data.cifar10 import CIFAR10
from oro_unlearn.data.cifar100 import CIFAR100
from oro_unlearn.data.digits import Digits
from oro_unlearn.data.fashion_mnist import FashionMNIST
from oro_unlearn.data.image_folder import ImageFolder
from oro_unlearn.data.mnist import MNIST
from oro_unlearn.data.relation_pairs import RelationPairs
from oro_unlearn.data.scenes.scenes import Scenes
from oro_unlearn.data.tiny_imagenet import TinyImageNet

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "Digits",
    "FashionMNIST",
    "ImageData",
    "ImageFolder",
    "RelationPairs",
    "Scenes",
    "TinyImageNet",
]
