"""Lines of Python that load the model of a run."""

from collections.abc import Mapping
from typing import Any


def classifier_code(content: Mapping[str, Any]) -> str:
    """Lines that load a classifier.

    Args:
        content: Content of ``report.json``.
    """
    spec = _network(content)
    name, options = spec.get("class_path", content["network"]), spec.get("init_args", {})
    classes = content.get("read", {}).get("classes", {}).get("count", "...")
    module, _, short = name.rpartition(".")
    known = bool(module) and all(part.isidentifier() for part in name.split("."))
    given = {"num_classes": classes, **{key: value for key, value in options.items() if key != "num_classes"}}
    words = ", ".join(f"{key}={value!r}" if key != "num_classes" else f"{key}={value}" for key, value in given.items())
    lines = ["from safetensors.torch import load_file"]
    lines += [f"from {module} import {short}", "", f"network = {short}({words})"] if known else _unnamed(name)
    lines += ['network.load_state_dict(load_file("model.safetensors"))', "network.eval()"]
    pixels = content.get("read", {}).get("normalisation")
    if pixels:
        lines.append(f"# images: values in [0, 1], normalised with mean {pixels['mean']} and std {pixels['std']}")
    return "\n".join(lines)


def _unnamed(name: str) -> list[str]:
    return ["", f"network = ...  # {' '.join(str(name).split())}, built as for the original"]


def encoder_code(content: Mapping[str, Any]) -> str:
    """Lines that load a CLIP model.

    Args:
        content: Content of ``report.json``.
    """
    options = _network(content).get("init_args", {})
    name = options.get("name", content["network"])
    captions = [f"a {words}" for words in content["forget"][:1]]
    return "\n".join(
        [
            "from oro_unlearn.networks import OpenCLIP",
            "",
            f'model = OpenCLIP({name!r}, pretrained="model.safetensors").eval()',
            f"texts = model.encode_text(model.tokenize({captions!r}))",
            "# model.encode_image takes pictures (B, 3, H, W) as uint8",
        ]
    )


def _network(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The network of the run's configuration; empty if there is none."""
    network = content.get("config", {}).get("model", {}).get("init_args", {}).get("network")
    return network if isinstance(network, Mapping) else {"class_path": network} if network else {}
