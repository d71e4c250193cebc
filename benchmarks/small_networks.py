"""Small networks for colour images of 32 x 32 pixels: one of each architecture here, in torchvision, timm and Transformers.

Each name is a factory: ``--model.network benchmarks.small_networks.swin``. Only VGG has its full size, in ``vgg11`` and
``vgg11_bn``, whose first linear layer reads 25,088 values. The other networks have few channels and blocks.
"""

from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.models import convnext, efficientnet, regnet
from torchvision.models import vgg as torchvision_vgg

from oro_unlearn.networks import ResNet18


def resnet18(num_classes: int) -> nn.Module:
    """ResNet-18 of this package with a quarter of the channels."""
    return ResNet18(num_classes, width=16)


def vgg11(num_classes: int) -> nn.Module:
    """VGG-11 without batch normalisation, whole: 129 million weights."""
    return models.vgg11(num_classes=num_classes)


def vgg11_bn(num_classes: int) -> nn.Module:
    """VGG-11 with batch normalisation, whole."""
    return models.vgg11_bn(num_classes=num_classes)


def narrow_vgg(num_classes: int, batch_norm: bool = False) -> nn.Module:
    """VGG-11 with few channels."""
    with torch.device("meta"):  # nothing of the whole network is filled
        network = torchvision_vgg.VGG(nn.Sequential(), num_classes, init_weights=False)
    layers: list[Any] = [8, "M", 16, "M", 16, 16, "M", 32, 32, "M", 32, 32, "M"]
    network.features = torchvision_vgg.make_layers(layers, batch_norm)
    hidden = [nn.Linear(32 * 49, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 64), nn.ReLU(), nn.Dropout()]
    network.classifier = nn.Sequential(*hidden, nn.Linear(64, num_classes))
    return network


def narrow_vgg_bn(num_classes: int) -> nn.Module:
    """:func:`narrow_vgg` with batch normalisation."""
    return narrow_vgg(num_classes, batch_norm=True)


def densenet(num_classes: int) -> nn.Module:
    """DenseNet of torchvision with two layers a block."""
    return models.DenseNet(8, (2, 2, 2, 2), 16, num_classes=num_classes)


def efficientnet_b0(num_classes: int) -> nn.Module:
    """EfficientNet-B0's seven stages, one or two blocks each."""
    setting = partial(efficientnet.MBConvConfig, width_mult=1.0, depth_mult=1.0)
    stages = [
        setting(1, 3, 1, 8, 8, 1),
        setting(6, 3, 2, 8, 8, 2),
        setting(6, 5, 2, 8, 16, 2),
        setting(6, 3, 2, 16, 24, 2),
        setting(6, 5, 1, 24, 24, 2),
        setting(6, 5, 2, 24, 32, 2),
        setting(6, 3, 1, 32, 48, 1),
    ]
    return models.EfficientNet(stages, dropout=0.2, num_classes=num_classes)


def mobilenet_v2(num_classes: int) -> nn.Module:
    """MobileNetV2 of a quarter of the width."""
    return models.MobileNetV2(num_classes, width_mult=0.25)


def mobilenet_v3(num_classes: int) -> nn.Module:
    """MobileNetV3-Small of a quarter of the width."""
    return models.mobilenet_v3_small(num_classes=num_classes, width_mult=0.25)


def convnext_tiny(num_classes: int) -> nn.Module:
    """ConvNeXt with ConvNeXt-T's four stages, one or two blocks each."""
    stages = [(16, 32, 1), (32, 48, 1), (48, 64, 2), (64, None, 1)]
    return models.ConvNeXt([convnext.CNBlockConfig(*stage) for stage in stages], 0.1, num_classes=num_classes)


def vit(num_classes: int) -> nn.Module:
    """ViT of torchvision with four blocks and patches of 8 x 8 pixels."""
    return models.VisionTransformer(32, 8, 4, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=num_classes)


def swin(num_classes: int) -> nn.Module:
    """Swin transformer of torchvision with Swin-T's four stages, one or two blocks each."""
    return models.SwinTransformer([2, 2], 16, [1, 1, 2, 1], [1, 2, 2, 4], [4, 4], num_classes=num_classes)


def regnet_y(num_classes: int) -> nn.Module:
    """RegNetY of torchvision with few channels."""
    parameters = regnet.BlockParams.from_init_params(depth=8, w_0=16, w_a=16.0, w_m=2.0, group_width=8, se_ratio=0.25)
    return models.RegNet(parameters, num_classes=num_classes)


def timm_vit(num_classes: int) -> nn.Module:
    """ViT of timm with four blocks."""
    import timm

    sizes = {"img_size": 32, "patch_size": 8, "depth": 4, "embed_dim": 32, "num_heads": 2}
    return timm.create_model("vit_tiny_patch16_224", num_classes=num_classes, **sizes)


def timm_convnext(num_classes: int) -> nn.Module:
    """ConvNeXt of timm with one or two blocks a stage."""
    import timm

    return timm.create_model("convnext_atto", num_classes=num_classes, depths=(1, 1, 2, 1), dims=(8, 16, 24, 32))


def hf_vit(num_classes: int) -> nn.Module:
    """ViT of Transformers with four blocks."""
    from transformers import ViTConfig, ViTForImageClassification

    sizes = {"image_size": 32, "patch_size": 8, "num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 64}
    return ViTForImageClassification(ViTConfig(num_labels=num_classes, num_attention_heads=2, **sizes))
