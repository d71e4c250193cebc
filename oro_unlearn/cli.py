"""The command line: ``oro-unlearn fit`` and ``oro-unlearn test``."""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger
from rich.console import Console

from oro_unlearn.data.relation_data import RelationData  # and with it all classes that --data can name
from oro_unlearn.errors import explain
from oro_unlearn.graph import draw_graph
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.methods.relations.dual_encoder import DualEncoder
from oro_unlearn.networks.adapter_files import BASE, CONFIG, WEIGHTS
from oro_unlearn.report import class_report, relation_report
from oro_unlearn.report.run_report import hardware, versions

RESULTS = (
    "report.json",
    *class_report.FIGURES,
    *relation_report.FIGURES,
    "model.safetensors",
    *(f"adapter/{name}" for name in (CONFIG, WEIGHTS, BASE)),
)
NOISE = (  # warnings of libraries about what is meant here
    ".*isinstance.treespec, LeafSpec.*",
    ".*smaller than the logging interval.*",
    ".*was called before the ``update`` method.*",
    ".*Total length of .* across ranks is zero.*",
    ".*exists and is not empty.*",
    ".*there are no targets",
    ".*does not have many workers.*",
    ".*configure_optimizers. returned .None.*",
    ".*in eval mode at the start of training.*",
    ".*weights_only. was not set.*",
    ".*The dirpath has changed from.*",
)


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` when fitting really starts: a request that fails leaves the folder as it was."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Not yet."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Now: data and checkpoints are loaded. What an earlier run left here would not belong to this configuration."""
        root, resumed = Path(trainer.default_root_dir), trainer.ckpt_path is not None
        for name in (*RESULTS, *(() if resumed else ("model.ckpt",))) if trainer.is_global_zero else ():
            (root / name).unlink(missing_ok=True)
        if trainer.is_global_zero and (root / "adapter").is_dir() and not any((root / "adapter").iterdir()):
            (root / "adapter").rmdir()  # never a folder with the user's own files
        super().setup(trainer, pl_module, "fit")

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Into the run's folder; the logger's has a number."""
        Path(trainer.default_root_dir).mkdir(parents=True, exist_ok=True)
        path = Path(trainer.default_root_dir) / self.config_filename
        self.parser.save(self.config, path, skip_none=False, overwrite=True)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Tell who stopped a run how to go on."""
        checkpoint = Path(trainer.default_root_dir) / "model.ckpt"
        if isinstance(exception, KeyboardInterrupt) and checkpoint.exists():
            print(f"stopped; go on with the same command and --ckpt_path {checkpoint}", file=sys.stderr)


class UnlearningCLI(LightningCLI):
    """LightningCLI for unlearning: ``fit`` edits, measures and reports; ``test`` measures again."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """``fit`` and ``test``."""
        return {name: LightningCLI.subcommands()[name] for name in ("fit", "test")}

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """A parser that reads no abbreviations and raises its errors."""
        return super().init_parser(**{**kwargs, "allow_abbrev": False, "exit_on_error": False})

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Required model and data, so that their errors are their own and not those of a union with None."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        parser.set_defaults({f"trainer.{name}": value for name, value in self.trainer_defaults.items() if name != "callbacks"})
        parser.add_argument("--model", type=UnlearningModule, required=True, enable_path=True, help="The method.")
        parser.add_argument("--data", type=LightningDataModule, required=True, enable_path=True, help="The images.")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Tell the model what the data knows."""
        for name in ("num_classes", "forget_classes"):
            parser.link_arguments(f"data.{name}", f"model.init_args.{name}", apply_on="instantiate")

    def instantiate_classes(self) -> None:
        """Model, data and trainer.

        Raises:
            ValueError: If the model forgets relations and the data knows none.
        """
        super().instantiate_classes()
        if isinstance(self.model, DualEncoder) and not isinstance(self.datamodule, RelationData):
            kinds = f"{type(self.model).__name__} is for relations, and {type(self.datamodule).__name__} has none"
            raise ValueError(f"{kinds}: choose --data Scenes or --data RelationPairs")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A trainer that writes everything into ``default_root_dir``."""
        config = self._get(self.config_init, "trainer")
        root = config.default_root_dir
        if str(config.precision) in ("16-true", "bf16-true"):
            raise ValueError(f"--trainer.precision {config.precision} is not supported: use 16-mixed, bf16-mixed or 32-true")
        callbacks: list[Callback] = [RichProgressBar()] if config.enable_progress_bar is not False else []
        if config.enable_checkpointing is not False:
            callbacks.append(ModelCheckpoint(root, filename="model", save_top_k=1, enable_version_counter=False))
        self.trainer_defaults["callbacks"] = callbacks
        if config.logger is None:  # one numbered folder a fit, so that a resumed run keeps its history
            kwargs["logger"] = CSVLogger(root, name="logs") if self.subcommand == "fit" else False
        return super().instantiate_trainer(**kwargs)

    def after_fit(self) -> None:
        """Measure, write weights, report and figure, and print before and after."""
        root = Path(self.trainer.default_root_dir)
        if not self.model.train_splits:  # no epoch has written a checkpoint
            self.trainer.save_checkpoint(root / "model.ckpt")
        if self.trainer.is_global_zero:
            self.model.write(root)
        self.trainer.test(self.model, self.datamodule, verbose=False)
        if self.trainer.is_global_zero:
            self._report(root)

    def before_test(self) -> None:
        """Measure the run's own checkpoint unless another is named, never an untrained model.

        Raises:
            FileNotFoundError: If there is none.
        """
        options, own = self.config_init.test, Path(self.trainer.default_root_dir) / "model.ckpt"
        if options.ckpt_path is None and not own.is_file():
            raise FileNotFoundError(
                f"nothing to measure: {own} not found; run fit first, or name a checkpoint with --ckpt_path"
            )
        options.ckpt_path = options.ckpt_path or str(own)

    def after_test(self) -> None:
        """Write and print the report again."""
        if self.trainer.is_global_zero:
            self._report(Path(self.trainer.default_root_dir))

    def _report(self, root: Path) -> None:
        model, data = self.model, self.datamodule
        header = {
            "method": type(model).__name__,
            "data": data.name,
            "network": getattr(model.network, "architecture", type(model.network).__name__).rsplit("/", 1)[-1],
            "forget": data.forget_names,
            "forgotten": getattr(data, "forgotten_names", []),
            "seed": self._get(self.config, "seed_everything"),
            "versions": versions(),
            "hardware": hardware(self.trainer.strategy.root_device.type),
            "seconds": round(model.seconds, 3),
            "images_read": model.images_read,
        }
        kind = relation_report if isinstance(model, DualEncoder) else class_report
        if kind is relation_report:
            draw_graph(data.graph, data.roles, root / "graph.png")
        report = kind.write_report(header, model, data, root)
        Console().print(kind.report_table(report), f"written to {root}", sep="\n")


def build(args: ArgsType = None, run: bool = False) -> UnlearningCLI:
    """Parse a command line and build model, data and trainer, for scripts.

    Args:
        args: The words after ``oro-unlearn`` without the subcommand; ``sys.argv`` when left out.
        run: Run the subcommand that ``args`` then begins with.

    Returns:
        The command line, with ``model``, ``datamodule`` and ``trainer``.
    """
    return UnlearningCLI(
        UnlearningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=SaveConfig,
        save_config_kwargs={"save_to_log_dir": False},
        trainer_defaults={"default_root_dir": "runs/unnamed", "enable_model_summary": False},
        seed_everything_default=0,
        auto_configure_optimizers=False,
        parser_kwargs={
            "prog": "oro-unlearn",
            "description": "Make a trained vision(-language) model forget, and show that it did.",
        },
        args=args,
        run=run,
    )


def settle() -> None:
    """Silence what libraries say about what is meant here, and never unpickle code, whatever loads a checkpoint."""
    for noise in NOISE:
        warnings.filterwarnings("ignore", noise)
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"


def main(args: ArgsType = None) -> None:
    """Run a command line; a mistake of the user's ends in one line and exit code 2.

    Args:
        args: The words after ``oro-unlearn``; ``sys.argv`` when left out. With ``ORO_DEBUG=1`` errors keep their traceback.
    """
    settle()
    try:
        build(args, run=True)
    except Exception as error:
        message = explain(error)
        if message is None or os.environ.get("ORO_DEBUG") == "1":
            raise
        print(f"oro-unlearn: error: {message}", file=sys.stderr)
        sys.exit(2)
