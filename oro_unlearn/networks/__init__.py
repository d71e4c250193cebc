"""Networks, their adapters, and their weights on disk."""

from oro_unlearn.networks.adapter_files import tensor_hash
from oro_unlearn.networks.adapter_place import adapter_place
from oro_unlearn.networks.adapters import InputAdapter, LogitAdapter, add_adapters, check_foldable, fold_adapters
from oro_unlearn.networks.building import NetworkFactory, NetworkSpec, build_network
from oro_unlearn.networks.checkpoints import Checkpoint, fill_network, load_weights, read_checkpoint
from oro_unlearn.networks.head import FeatureReader, classifier_head, head_rows
from oro_unlearn.networks.huggingface import huggingface_classifier
from oro_unlearn.networks.open_clip import OpenCLIP
from oro_unlearn.networks.outputs import logits_of
from oro_unlearn.networks.resnet import ResNet18
from oro_unlearn.networks.small_cnn import SmallCNN
from oro_unlearn.networks.split_attention import SplitAttention, fuse_attention, split_attention
from oro_unlearn.networks.stages import require_stages, resolve_layers, stages
from oro_unlearn.networks.vgg import VGG19BN
from oro_unlearn.networks.vision_language.collator import QuestionCollator
from oro_unlearn.networks.vision_language.question import Question
from oro_unlearn.networks.vision_language.vision_language import VisionLanguage
from oro_unlearn.networks.weight_writing import save_weights

__all__ = [
    "VGG19BN",
    "Checkpoint",
    "FeatureReader",
    "InputAdapter",
    "LogitAdapter",
    "NetworkFactory",
    "NetworkSpec",
    "OpenCLIP",
    "Question",
    "QuestionCollator",
    "ResNet18",
    "SmallCNN",
    "SplitAttention",
    "VisionLanguage",
    "adapter_place",
    "add_adapters",
    "build_network",
    "check_foldable",
    "classifier_head",
    "fill_network",
    "fold_adapters",
    "fuse_attention",
    "head_rows",
    "huggingface_classifier",
    "load_weights",
    "logits_of",
    "read_checkpoint",
    "require_stages",
    "resolve_layers",
    "save_weights",
    "split_attention",
    "stages",
    "tensor_hash",
]
