"""What a comparison is asked for: its options, and the data they name."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from benchmarks.searches import EVERY, GROUPS

CONFIGS = Path("lightning_configs")
NETWORKS = {  # short names
    "small_cnn": "oro_unlearn.networks.SmallCNN",
    "resnet18": "oro_unlearn.networks.ResNet18",
    "vgg19_bn": "oro_unlearn.networks.VGG19BN",
}
TUNING_RETRAINED = 2  # the least that has a spread


class Sizes(NamedTuple):
    """What decides costs."""

    class_names: list[str]
    counts: list[int]  # training images of each class
    epochs: int  # of retraining
    batch_size: int  # of the edits
    augmented: bool = True  # whether training images are others in every epoch

    def labels(self, request: str) -> list[int]:
        """Classes of a request."""
        from oro_unlearn.data.forget_request import resolve_classes

        return resolve_classes(list(request.split("+")), self.class_names)

    def of(self, request: str) -> tuple[int, int]:
        """Images of the forget and of the retain set."""
        forgotten = sum(self.counts[label] for label in self.labels(request))
        return forgotten, sum(self.counts) - forgotten


def measure_sizes(options: argparse.Namespace) -> Sizes:
    """Read the data once, for its classes and their sizes.

    Args:
        options: Of the command line.
    """
    from oro_unlearn.cli import build, settle

    settle()
    sys.argv = sys.argv[:1]  # LightningCLI warns when both are given
    cli = build(["--config", str(CONFIGS / options.data / "original.yaml"), "--trainer.logger", "false", *options.extra])
    data = cli.datamodule
    train = data.split("train")
    counts = train.labels[train.positions].bincount(minlength=data.num_classes).tolist()
    epochs, batch_size = cli.trainer.max_epochs or 1, options.batch_size or data.batch_size
    return Sizes(list(data.class_names), counts, epochs, batch_size, bool(data.crop_padding or data.flip))


def measure(options: argparse.Namespace) -> tuple[Sizes, list[str]]:
    """Sizes and requests; a mistake in the options ends here, before anything is trained.

    Args:
        options: Of the command line; ``tune_on`` is filled in.
    """
    try:
        sizes = measure_sizes(options)
        requests = list(map(str, sizes.class_names)) if list(options.forget) == ["all"] else list(map(str, options.forget))
        options.tune_on = list(map(str, options.tune_on)) or requests[:3]
        for request in (*requests, *options.tune_on):
            sizes.of(request)
    except Exception as error:
        from oro_unlearn.errors import explain

        stop(explain(error) or str(error))
    return sizes, requests


def read_options(words: Sequence[str], description: str = "") -> argparse.Namespace:
    """The command line, with a YAML's options as defaults.

    Args:
        words: Of the command line.
        description: For ``--help``.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", help="YAML of these options")
    parser.add_argument(
        "--data", default="digits", help="folder of lightning_configs that holds original.yaml and retrained.yaml"
    )
    parser.add_argument("--network", default="", help=f"{', '.join(NETWORKS)} or an import path; default: the YAML's")
    parser.add_argument("--name", default="", help="of the result; default: the data's")
    parser.add_argument("--methods", nargs="+", default=["all"], help=f"{', '.join(GROUPS)}, or names: {', '.join(EVERY)}")
    parser.add_argument(
        "--forget", nargs="+", default=["all"], help="requests: a class each, several joined by +; or all, one by one"
    )
    parser.add_argument(
        "--tune-on", nargs="+", default=[], help="requests that settings are chosen on; default: the first three"
    )
    parser.add_argument("--seeds", type=int, default=3, help="originals; each is unlearned, and a shadow model of the others")
    parser.add_argument(
        "--retrained", type=int, default=6, help="retrained models for each request; six also give U-LIRA its null"
    )
    parser.add_argument("--budget", type=float, default=0.1, help="images a run may read, as a part of what retraining reads")
    parser.add_argument("--batch-size", type=int, default=0, help="of the runs; default: the YAML's")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--backend", default="loky", help="of joblib: loky, ray or dask")
    parser.add_argument("--reuse", action="store_true", help="finished runs of other code too; the result names them")
    parser.add_argument("extra", nargs="*", help="words for every command, after --")
    first = parser.parse_args(words)
    if first.config:
        parser.set_defaults(**options_of(first.config, set(vars(first))))
    options = parser.parse_args(words)
    options.name = options.name or options.data
    unknown = [name for name in options.methods if name not in (*GROUPS, *EVERY)]
    if unknown:
        stop(f"no method {unknown[0]!r}; there are {', '.join((*GROUPS, *EVERY))}")
    if not all((CONFIGS / options.data / f"{name}.yaml").is_file() for name in ("original", "retrained")):
        stop(f"no folder {CONFIGS / options.data} with original.yaml and retrained.yaml")
    if options.retrained < TUNING_RETRAINED or options.seeds < 1 or not 0 < options.budget <= 1:
        stop("at least 2 retrained models and 1 original are needed, and a budget in (0, 1]")
    return options


def options_of(path: str, known: set[str]) -> dict[str, Any]:
    """Options in a YAML; dashes and underscores are the same."""
    if not Path(path).is_file():
        stop(f"{path} not found")
    found = {str(name).replace("-", "_"): value for name, value in (yaml.safe_load(Path(path).read_text()) or {}).items()}
    for name in ("methods", "forget", "tune_on", "extra"):
        if name in found and not isinstance(found[name], list):
            found[name] = [found[name]]
    for name in found.keys() - known:
        stop(f"{path}: no option {name!r}; there are {', '.join(sorted(known))}")
    return found


def stop(message: str) -> NoReturn:
    """End with one line and exit code 2."""
    print(f"compare: error: {message}", file=sys.stderr)
    sys.exit(2)
