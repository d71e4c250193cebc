"""The option ``--model.network``: any class or function that builds a network, with its options."""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace
from jsonargparse._typehints import ActionTypeHint

from oro_unlearn.cli.config_files import load_checked
from oro_unlearn.files import shortened
from oro_unlearn.networks.building import (
    CLASSES,
    OURS,
    NetworkFactory,
    NetworkSpec,
    build_network,
    network_spec,
    network_target,
)
from oro_unlearn.user_error import UserError


class NetworkAction(ActionTypeHint):
    """Reads a network's class path and options. Jsonargparse's own action rejects functions with options.

    Options of an earlier configuration file are kept if the class stays the same, and between networks of this package,
    which use the same names for them. They are never passed to another package's class.
    """

    def _check_type(self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None) -> Any:
        """Check a network's specification: the class or function must accept its options."""
        if isinstance(value, NetworkSpec) or (callable(value) and not isinstance(value, type)):
            return value
        before = cfg.get(self.dest) if cfg else None
        try:
            return checked(merged(value, before if isinstance(before, NetworkSpec) else None))
        except (ValueError, ImportError, AttributeError) as error:
            raise TypeError(f'Parser key "{self.dest}":\n  {error}') from None

    def serialize(self, value: Any, dump_kwargs: Any = None) -> Any:
        """The specification as plain values for YAML."""
        if not isinstance(value, NetworkSpec):
            return super().serialize(value, dump_kwargs)
        return {"class_path": value.class_path, **({"init_args": plain(value.init_args)} if value.init_args else {})}

    def instantiate_classes(self, value: Any) -> Any:
        """A function that builds the network as soon as the number of classes is known."""
        if not isinstance(value, NetworkSpec):
            return value
        return partial(build_network, value._replace(init_args=_built(value)))


def merged(value: Any, before: NetworkSpec | None) -> NetworkSpec:
    """Merge a new value of the option over an earlier one.

    Args:
        value: A name; a mapping with ``class_path``, ``init_args``, or both; or a single option in jsonargparse's form.
        before: The specification from an earlier configuration file or option.

    Raises:
        UserError: If the value has another form, or no class is known yet.
    """
    value = _loaded(value)
    if isinstance(value, str):
        given = network_spec(value)
    else:
        if not isinstance(value, Mapping) or not value.keys() <= {"class_path", "init_args", "dict_kwargs"}:
            raise UserError(f"the network is {shortened(value)}: give a name, or a mapping with class_path and init_args")
        options = {**(value.get("init_args") or {}), **(value.get("dict_kwargs") or {})}
        path = value.get("class_path") or (before and before.class_path)
        if not path:
            raise UserError("the network has options but no class_path: name the network first, with --model.network NAME")
        short = network_spec(str(path)) if value.get("class_path") else NetworkSpec(str(path), {})
        given = NetworkSpec(short.class_path, {**short.init_args, **options})
    if before and _keeps(before.class_path, given.class_path):
        return NetworkSpec(given.class_path, {**_known(given.class_path, before.init_args), **given.init_args})
    return given


def checked(spec: NetworkSpec) -> NetworkSpec:
    """Reject options that a class or function does not take, and values of a wrong type.

    Args:
        spec: A specification from :func:`merged`.

    Returns:
        The same specification, with plain values as in YAML.

    Raises:
        ImportError: If the module does not exist.
        AttributeError: If the class or function does not exist.
        UserError: If an option or value does not fit.
    """
    parser = _parser(spec)
    known = set(_options(parser))
    unknown = [name for name in spec.init_args if name not in known and name != CLASSES]
    if unknown and not _takes_any(spec.class_path):
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(sorted(known)) or 'none'}"
        raise UserError(f"the network {spec.class_path}: Option {unknown[0]!r} is not accepted; {hint}")
    values = {name: _value(value) for name, value in spec.init_args.items()}
    typed = {name: value for name, value in values.items() if name in known}
    try:
        parser.parse_object(typed, defaults=False)
    except Exception as error:  # a type may reject a value with any exception
        raise UserError(f"the network {spec.class_path} cannot have these options: {' '.join(str(error).split())}") from None
    return NetworkSpec(spec.class_path, values)


def plain(value: Any) -> Any:
    """Convert a value to plain types that YAML can represent."""
    if isinstance(value, Namespace):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def adopt(parser: ArgumentParser) -> None:
    """Use :class:`NetworkAction` for a parser's options of the type :class:`NetworkFactory`."""
    for action in parser._actions:
        if isinstance(action, ActionTypeHint) and action._typehint is NetworkFactory:
            action.__class__ = NetworkAction


def _loaded(value: Any) -> Any:
    """Parse text as YAML, and turn a single option (``KEY VALUE``) into a mapping."""
    if isinstance(value, Namespace):
        return value.as_dict()
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, tuple) and hasattr(value, "key"):
        key, text = value
        if key in ("class_path", "init_args", "dict_kwargs"):
            return {key: _loaded(text)}
        name, *below = key.removeprefix("dict_kwargs.").split(".")
        for part in reversed(below):
            text = {part: _value(text)}
        return {"init_args": {name: text}}
    loaded = _value(value)
    return loaded if isinstance(loaded, Mapping) else value


def _value(value: Any) -> Any:
    if not isinstance(value, str):
        return plain(value)
    try:
        return load_checked(value)
    except yaml.YAMLError:
        return value


def _keeps(before: str, now: str) -> bool:
    """Whether the options given for one network are kept for the next: the same class, or both of this package."""
    return before == now or all(path.startswith(f"{OURS}.") for path in (before, now))


def _known(class_path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    if _takes_any(class_path):
        return dict(options)
    known = _options(_parser(NetworkSpec(class_path, {})))
    return {name: value for name, value in options.items() if name in known}


def _takes_any(class_path: str) -> bool:
    """Whether a class or function takes ``**kwargs``, so that it may accept options that it does not name."""
    try:
        parameters = inspect.signature(network_target(class_path)).parameters.values()
    except (ValueError, TypeError):
        return True
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def _parser(spec: NetworkSpec) -> ArgumentParser:
    """A parser for the options of a class or function, which checks their types."""
    target = network_target(spec.class_path)
    parser = ArgumentParser(exit_on_error=False)
    add: Any = parser.add_class_arguments if inspect.isclass(target) else parser.add_function_arguments
    add(target, skip={CLASSES}, fail_untyped=False, as_group=False)
    return parser


def _options(parser: ArgumentParser) -> list[str]:
    return [action.dest for action in parser._actions if action.dest not in ("help", "config")]


def _built(spec: NetworkSpec) -> dict[str, Any]:
    """Options as the class or function receives them: converted to their types, and with nested classes instantiated."""
    parser = _parser(spec)
    known = set(_options(parser))
    given = {name: value for name, value in spec.init_args.items() if name in known}
    try:
        typed = parser.instantiate_classes(parser.parse_object(given, defaults=False))
    except (ArgumentError, ValueError, TypeError) as error:
        raise UserError(f"the network {spec.class_path} cannot be built: {' '.join(str(error).split())}") from None
    return {**spec.init_args, **{name: typed[name] for name in given}}
