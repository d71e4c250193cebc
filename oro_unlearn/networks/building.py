"""Building a classifier from a short name, an import path, or a class or function with options."""

import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, Protocol

from torch import nn

from oro_unlearn.user_error import UserError

OPTION = "--model.network"
OURS = "oro_unlearn.networks"
SHORT_FORMS = {  # text before the colon: the function, and its option for the text after the colon
    "timm": ("timm.create_model", "model_name"),
    "torchvision": ("torchvision.models.get_model", "name"),
    "hf": (f"{OURS}.huggingface_classifier", "name"),
}
CLASSES = "num_classes"
UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")


class NetworkFactory(Protocol):
    """A callable that makes a classifier of K classes."""

    def __call__(self, *, num_classes: int) -> nn.Module:
        """A network with outputs (B, K)."""


class NetworkSpec(NamedTuple):
    """Describes the network to build.

    Attributes:
        class_path: Import path of a class or function.
        init_args: Its options. ``num_classes`` may be among them, but need not be.
    """

    class_path: str
    init_args: dict[str, Any]


def network_spec(name: str) -> NetworkSpec:
    """Resolve the name of a network.

    Args:
        name: The name of a network of this package, ``timm:NAME``, ``torchvision:NAME``, ``hf:FOLDER``, or an import path.

    Example:
        >>> network_spec("timm:resnet18")
        NetworkSpec(class_path='timm.create_model', init_args={'model_name': 'resnet18'})
        >>> network_spec("SmallCNN").class_path
        'oro_unlearn.networks.SmallCNN'
    """
    kind, colon, rest = name.partition(":")
    if colon and kind in SHORT_FORMS:
        path, option = SHORT_FORMS[kind]
        return NetworkSpec(path, {option: rest})
    return NetworkSpec(name if "." in name else f"{OURS}.{name}", {})


def network_target(class_path: str) -> Callable[..., Any]:
    """The class or function at an import path.

    Raises:
        ImportError: If there is no such module.
        AttributeError: If the module has nothing of that name.
        UserError: If it is neither a class nor a function.
    """
    try:
        target = pkgutil.resolve_name(class_path)
    except ValueError:
        raise UserError(
            f"the network {class_path!r} is not an import path: write module.name, timm:NAME or torchvision:NAME"
        ) from None
    if not callable(target):
        raise UserError(f"the network {class_path} is neither a class nor a function: name one that builds a network")
    if inspect.isclass(target) and not issubclass(target, nn.Module):
        raise UserError(f"the network {class_path} is a class that is not a torch.nn.Module: derive it from torch.nn.Module")
    return target


def build_network(network: NetworkSpec | NetworkFactory | nn.Module, num_classes: int) -> nn.Module:
    """Build a classifier of K classes.

    Args:
        network: The network to build. A finished module is only checked.
        num_classes: Number of classes K. A class or function that takes no ``num_classes`` is called without it.

    Raises:
        UserError: If it cannot be built with these options, is not a network, or has another number of outputs.
    """
    if isinstance(network, NetworkSpec):
        built = _call(network_target(network.class_path), network.class_path, network.init_args, num_classes)
        name = _shown(network)
    else:
        built = network if isinstance(network, nn.Module) else network(num_classes=num_classes)
        name = type(built).__name__
    if not isinstance(built, nn.Module):
        raise UserError(f"the network {name} returns a {type(built).__name__}, not a torch.nn.Module: name another")
    _check_outputs(built, name, num_classes)
    return built


def _call(target: Callable[..., Any], path: str, given: Mapping[str, Any], num_classes: int) -> Any:
    """Call a class or function with its options, and with the number of classes if it takes one."""
    options, taken = dict(given), _parameters(target)
    _check_name(path, options)
    if inspect.isclass(target) and path.startswith(f"{OURS}.") and CLASSES not in (taken or {}):
        raise UserError(f"{target.__name__} takes no {CLASSES}: choose a classifier with {OPTION}")
    if taken is None or CLASSES in taken or any(kind is inspect.Parameter.VAR_KEYWORD for kind in taken.values()):
        options.setdefault(CLASSES, num_classes)
    try:
        inspect.signature(target).bind(**options)
    except TypeError as error:
        raise UserError(f"the network {path} cannot be built: {_missing(str(error))}") from None
    except ValueError:
        pass  # a C function can lack a signature
    try:
        return target(**options)
    except TypeError as error:
        surplus = UNEXPECTED.search(str(error))
        if not surplus or surplus[1] not in options:
            raise
        if surplus[1] in given:
            raise UserError(f"the network {path} takes no {surplus[1]!r}: leave out {OPTION}.{surplus[1]}") from None
        return target(**given)


def _parameters(target: Callable[..., Any]) -> dict[str, Any] | None:
    try:
        return {name: parameter.kind for name, parameter in inspect.signature(target).parameters.items()}
    except (ValueError, TypeError):
        return None


def _missing(message: str) -> str:
    """Python's message, or one that names the option if an argument is missing."""
    name = re.search(r"missing a required (?:keyword-only )?argument: '(\w+)'", message)
    return f"it needs {name[1]!r}: set {OPTION}.{name[1]}" if name else message


def _check_name(path: str, options: Mapping[str, Any]) -> None:
    """Reject a name that timm or torchvision does not know, and suggest similar names."""
    name = str(options.get("model_name" if path == SHORT_FORMS["timm"][0] else "name", ""))
    if path == SHORT_FORMS["timm"][0] and name and ":" not in name:
        import timm

        known, kind = timm.list_models(), "timm"
        fits = timm.is_model(name.partition(".")[0])
    elif path == SHORT_FORMS["torchvision"][0]:
        import torchvision

        known, kind = torchvision.models.list_models(), "torchvision"
        fits = name.lower() in known
    else:
        return
    if not fits:
        near = get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"{kind}'s list_models() lists what there is"
        raise UserError(f"{kind} has no network {name!r}: {hint}")


def _check_outputs(network: nn.Module, name: str, num_classes: int) -> None:
    """Reject a network whose last layer has another number of outputs. A network without such layers passes."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    widths = [len(module.weight) for module in layers if isinstance(module, nn.Linear) or module is layers[-1]]
    if widths and num_classes not in widths:
        raise UserError(
            f"the network {name} has {widths[-1]} outputs and the data {num_classes} classes: set {OPTION}.{CLASSES} or the "
            "network's option for it, choose other data, or name the classes of the head with --data.class_names"
        )


def _shown(spec: NetworkSpec) -> str:
    """A specification as the user probably wrote it."""
    for kind, (path, option) in SHORT_FORMS.items():
        if spec.class_path == path and option in spec.init_args:
            return f"{kind}:{spec.init_args[option]}"
    return spec.class_path
