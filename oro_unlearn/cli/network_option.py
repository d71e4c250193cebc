"""The option ``--model.network``: any class or function that makes a network, with its own options."""

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
    """Reads a network's class path and options; jsonargparse's own way refuses functions with options.

    Options of an earlier configuration file are kept while the class stays the same, and between networks of this package,
    which name them alike; they never go to another's class.
    """

    def _check_type(self, value: Any, append: bool = False, cfg: Any = None, mode: Any = None) -> Any:
        """A specification whose options its class or function takes."""
        if isinstance(value, NetworkSpec) or (callable(value) and not isinstance(value, type)):
            return value
        before = cfg.get(self.dest) if cfg else None
        try:
            return checked(merged(value, before if isinstance(before, NetworkSpec) else None))
        except (ValueError, ImportError, AttributeError) as error:
            raise TypeError(f'Parser key "{self.dest}":\n  {error}') from None

    def serialize(self, value: Any, dump_kwargs: Any = None) -> Any:
        """As YAML has it."""
        if not isinstance(value, NetworkSpec):
            return super().serialize(value, dump_kwargs)
        return {"class_path": value.class_path, **({"init_args": plain(value.init_args)} if value.init_args else {})}

    def instantiate_classes(self, value: Any) -> Any:
        """What makes the network, once the number of classes is known."""
        if not isinstance(value, NetworkSpec):
            return value
        return partial(build_network, value._replace(init_args=_built(value)))


def merged(value: Any, before: NetworkSpec | None) -> NetworkSpec:
    """Lay what is given now over what was given before.

    Args:
        value: A name; a mapping with ``class_path`` and ``init_args``, or one of them; or one option as jsonargparse has it.
        before: From an earlier configuration file or option.

    Raises:
        UserError: If it is something else, or no class is known yet.
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
    """Refuse options that a class or function does not take, and values of another type.

    Args:
        spec: As :func:`merged` gives it.

    Returns:
        The same, with values as YAML has them.

    Raises:
        ImportError: If there is no such module.
        AttributeError: If there is no such class or function.
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
    except Exception as error:  # whatever a type refuses a value with
        raise UserError(f"the network {spec.class_path} cannot have these options: {' '.join(str(error).split())}") from None
    return NetworkSpec(spec.class_path, values)


def plain(value: Any) -> Any:
    """A value as YAML can hold it."""
    if isinstance(value, Namespace):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def adopt(parser: ArgumentParser) -> None:
    """Let a parser read its options of the type :class:`NetworkFactory` in this way."""
    for action in parser._actions:
        if isinstance(action, ActionTypeHint) and action._typehint is NetworkFactory:
            action.__class__ = NetworkAction


def _loaded(value: Any) -> Any:
    """Text as YAML has it, and one option (``KEY VALUE``) as a mapping."""
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
    """Whether a network's options go on to another."""
    return before == now or all(path.startswith(f"{OURS}.") for path in (before, now))


def _known(class_path: str, options: Mapping[str, Any]) -> dict[str, Any]:
    if _takes_any(class_path):
        return dict(options)
    known = _options(_parser(NetworkSpec(class_path, {})))
    return {name: value for name, value in options.items() if name in known}


def _takes_any(class_path: str) -> bool:
    """Whether it passes on options that it does not name."""
    try:
        parameters = inspect.signature(network_target(class_path)).parameters.values()
    except (ValueError, TypeError):
        return True
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def _parser(spec: NetworkSpec) -> ArgumentParser:
    """A parser of the options of a class or function, so that they have their types."""
    target = network_target(spec.class_path)
    parser = ArgumentParser(exit_on_error=False)
    add: Any = parser.add_class_arguments if inspect.isclass(target) else parser.add_function_arguments
    add(target, skip={CLASSES}, fail_untyped=False, as_group=False)
    return parser


def _options(parser: ArgumentParser) -> list[str]:
    return [action.dest for action in parser._actions if action.dest not in ("help", "config")]


def _built(spec: NetworkSpec) -> dict[str, Any]:
    """Options as the class or function gets them: of their types, and with classes among them made."""
    parser = _parser(spec)
    known = set(_options(parser))
    given = {name: value for name, value in spec.init_args.items() if name in known}
    try:
        typed = parser.instantiate_classes(parser.parse_object(given, defaults=False))
    except (ArgumentError, ValueError, TypeError) as error:
        raise UserError(f"the network {spec.class_path} cannot be built: {' '.join(str(error).split())}") from None
    return {**spec.init_args, **{name: typed[name] for name in given}}
