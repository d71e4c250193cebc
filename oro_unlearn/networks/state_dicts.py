"""Finds the state dict in a file, and converts its names to those of a network."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from oro_unlearn.files import one_line
from oro_unlearn.user_error import UserError

OPTION = "--model.checkpoint_key"
OWN = "network."  # prefix in this package's checkpoints: other tensors there belong to another network
DEEPEST = 3  # largest number of nested keys above a state dict
SURPLUS = (  # last parts of names of tensors that are no weights: from profilers, averaging, and constants of older versions
    *("total_ops", "total_params", "n_averaged"),
    *("position_ids", "relative_position_index", "attn_mask"),
)
COUNTERS = "num_batches_tracked"
NO_WEIGHTS = ("optim", "sched", "scaler", "amp", "loops")  # first parts of keys that hold no network


class Matched(NamedTuple):
    """A file's tensors under a network's names."""

    state: dict[str, Tensor]  # by the network's name, or by the file's name if the network has no such tensor
    done: list[str]  # the conversions, in words
    left_out: list[str]  # names of unused tensors, as in the file


def choose_state(content: Any, key: str, path: Path) -> tuple[dict[str, Tensor], str, list[str]]:
    """Find the single state dict in the content of a file.

    Args:
        content: The content of the file.
        key: Key of the state dict, for instance ``model_ema`` or ``ema.state_dict``. Can be empty if the file holds only one.
        path: Of the file, for the errors.

    Returns:
        The tensors by name, the key they were found under, and the names of the entries that were left out.

    Raises:
        UserError: If there is no state dict, there are several, or there is none under ``key``.
    """
    found = _candidates(content)
    if key:
        chosen = [name for name in found if name == key] or [name for name in found if name.startswith(f"{key}.")]
        if len(chosen) != 1:
            known = ", ".join(map(_shown, found)) or "none"
            raise UserError(f"{path} has no single state dict under {_shown(key)}: {OPTION} can be one of {known}")
        found = {chosen[0]: found[chosen[0]]}
    if len(found) > 1:  # a dict of statistics is no network: its names contain no layer
        found = {name: state for name, state in found.items() if any("." in part for part in state)} or found
    if not found:
        raise UserError(f"{path} holds no state dict: save one with torch.save(model.state_dict(), path)")
    if len(found) > 1:
        names = [_shown(name) if name else "the top level" for name in found]
        example = next(name for name in found if name)
        raise UserError(f"{path} holds {len(found)} state dicts, {', '.join(names)}: choose with {OPTION} {_shown(example)}")
    where, state = next(iter(found.items()))
    others = [_shown(name) for name in content if name != where.partition(".")[0] and name not in state] if content else []
    return state, where, others


def _candidates(content: Any) -> dict[str, dict[str, Tensor]]:
    """State dicts by their key, which is empty for the top level."""
    found: dict[str, dict[str, Tensor]] = {}
    below = [("", content, 0)]
    while below:
        where, part, depth = below.pop(0)
        if not isinstance(part, Mapping):
            continue
        tensors = {name: value for name, value in part.items() if isinstance(name, str) and isinstance(value, Tensor)}
        if tensors and (len(tensors) == len(part) or any("." in name for name in tensors)):
            found[where] = tensors
        if depth < DEEPEST:
            inner = [(name, value) for name, value in part.items() if isinstance(name, str) and isinstance(value, Mapping)]
            kept = [(name, value) for name, value in inner if not name.lower().startswith(NO_WEIGHTS)]
            below += [(f"{where}.{name}" if where else name, value, depth + 1) for name, value in kept]
    return found


def match_names(state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> Matched:
    """Convert a file's names to a network's: prefixes of wrappers are dropped, and the head gets the network's name for it.

    Args:
        state: The file's tensors.
        own: The network's state dict.
        path: Of the file, for the errors.

    Returns:
        The tensors. A name without a counterpart in the network is kept.

    Raises:
        UserError: If several networks in the file fit.
    """
    prefix = _prefix(state, own, path)
    inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    outside = {name: value for name, value in state.items() if not name.startswith(prefix)}
    done = [f"prefix {_shown(prefix)} dropped"] if prefix else []
    left_out = [name for name in inside if name not in own and name.rpartition(".")[2] in SURPLUS]
    inside = {name: value for name, value in inside.items() if name not in left_out}
    if not any(name not in inside for name in own):
        _refuse_second_head(outside, own, prefix, path)
    head = _head(inside | outside, own, inside)
    if head:
        there, here = head
        inside |= {f"{here}.{part}": value for part, value in _layer(inside | outside, there).items()}
        inside = {name: value for name, value in inside.items() if name.rpartition(".")[0] != there or name in own}
        outside = {name: value for name, value in outside.items() if name.rpartition(".")[0] != there}
        done.append(f"head {_shown(there)} taken as {_shown(here)}")
    missing = [name for name in own if name not in inside]
    counters = [name for name in missing if name.endswith(COUNTERS)]
    if counters and len(counters) == len(missing):
        inside |= {name: own[name] for name in counters}
        done.append(f"{len(counters)} counters of batches ({COUNTERS}) set to 0")
    return Matched(inside, done, [*left_out, *outside])


def _prefix(state: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> str:
    """The prefix before the network's names in a file: the one with which most names fit."""
    fits: Counter[str] = Counter()
    for name, value in state.items():
        parts = name.split(".")
        for depth in range(len(parts)):
            rest = ".".join(parts[depth:])
            if rest in own:
                fits[name.removesuffix(rest)] += 2 if own[rest].shape == value.shape else 1
    if not fits:
        return ""
    most = max(fits.values())
    best = sorted((prefix for prefix, count in fits.items() if count == most), key=len)
    if OWN in best:
        return OWN
    if len(best) > 1 and most > 2:
        names = " and ".join(_shown(prefix) if prefix else "no prefix" for prefix in best[:3])
        raise UserError(f"{path} holds {len(best)} networks of this kind, under {names}: save the one that is meant alone")
    return best[0]


def _head(state: dict[str, Tensor], own: dict[str, Tensor], inside: dict[str, Tensor]) -> tuple[str, str] | None:
    """Names of the head in the file and in the network, if each side has exactly one unmatched layer and both are heads."""
    missing = {name.rpartition(".")[0] for name in own if name not in inside and not name.endswith(COUNTERS)}
    surplus = {name.rpartition(".")[0] for name in state if name not in own and name.rpartition(".")[2] not in SURPLUS}
    surplus = {name for name in surplus if name and _is_head(_layer(state, name))}
    if len(missing) != 1 or len(surplus) != 1:
        return None
    here, there = missing.pop(), surplus.pop()
    wanted, given = _layer(own, here), _layer(state, there)
    alike = wanted.keys() == given.keys() and all(wanted[part].shape[1:] == given[part].shape[1:] for part in wanted)
    return (there, here) if alike and _is_head(wanted) else None


def _refuse_second_head(outside: dict[str, Tensor], own: dict[str, Tensor], prefix: str, path: Path) -> None:
    """Reject a file that holds a whole network and a second head: nothing shows which of the two heads was used."""
    inputs = [value.shape[1] for value in own.values() if value.ndim == 2][-1:]
    level = prefix[:-1].rpartition(".")[0]
    for name in {name.rpartition(".")[0] for name in outside}:
        layer = _layer(outside, name)
        beside = name and name.rpartition(".")[0] == level and _is_head(layer)
        if beside and prefix != OWN and [layer["weight"].shape[1]] == inputs:
            raise UserError(
                f"{path} has two heads, {_shown(name)} and one under {_shown(prefix)}: save the network that is meant"
            )


def _layer(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Tensors of a layer, by the last part of their names."""
    return {key.rpartition(".")[2]: value for key, value in state.items() if key.rpartition(".")[0] == name}


def _is_head(layer: dict[str, Tensor]) -> bool:
    """Whether the tensors are one linear layer or convolution: a matrix, and at most one row of biases."""
    return "weight" in layer and layer.keys() <= {"weight", "bias"} and layer["weight"].ndim in (2, 4)


def _shown(name: object) -> str:
    """A name from a file, shortened and on one line."""
    return repr(one_line(name))
