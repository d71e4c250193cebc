"""The commands ``oro-unlearn fit``, ``test`` and ``check``."""

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentError, Namespace
from lightning.pytorch import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only

from oro_unlearn.cli.command_parser import CommandParser
from oro_unlearn.cli.command_words import OTHERS, tidied, with_presets
from oro_unlearn.cli.config_files import MODE, check_numbers
from oro_unlearn.cli.errors import explain
from oro_unlearn.cli.first_look import FirstLook, Rehearsal, UnlearningTrainer
from oro_unlearn.cli.ledger_entry import LedgerEntry, add_ledger_options
from oro_unlearn.cli.lineage import check_order, fill_in
from oro_unlearn.cli.one_line import fail
from oro_unlearn.cli.progress import OneLineProgress
from oro_unlearn.cli.quick_help import answer
from oro_unlearn.cli.report_view import header_of, log_figures, show
from oro_unlearn.cli.run_folder import CHECKPOINT, History, RunFolder, WholeCheckpoints, free_for_a_report
from oro_unlearn.cli.save_config import SaveConfig
from oro_unlearn.cli.settling import settle
from oro_unlearn.cli.suggestions import advised, check_words
from oro_unlearn.cli.trainer_options import check_trainer
from oro_unlearn.cli.typed_names import keep_names
from oro_unlearn.data.contract import asked_of
from oro_unlearn.methods import UnlearningModule
from oro_unlearn.methods.first_words import forced_words
from oro_unlearn.networks.checkpoints import check_run_checkpoint
from oro_unlearn.report.page import write_page
from oro_unlearn.report.provenance import compared, differences, named
from oro_unlearn.user_error import UserError, options_of

BUILT = ("parser", "_subcommand_parsers", "_subcommand_method_arguments")  # attributes that LightningCLI.setup_parser sets
PARSERS: dict[tuple[type, str, bool], dict[str, Any]] = {}  # parsers that this process has built
UNKNOWN = (
    "If none of these lines is in a file of yours, this is a bug in oro_unlearn: please report it, with the command and this "
    "traceback."
)


class UnlearningCLI(LightningCLI):
    """LightningCLI for unlearning: ``fit`` edits, measures and reports; ``test`` measures again.

    Args:
        command: The subcommand to run. Only its parser is built. Empty: the parsers of all subcommands.
        kwargs: Arguments of LightningCLI.
    """

    trainer: UnlearningTrainer

    def __init__(self, command: str = "", **kwargs: Any) -> None:
        self.command = command
        super().__init__(**kwargs)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """``fit``, ``test`` and ``check``, or only the subcommand that is run."""
        known = {name: LightningCLI.subcommands()[name] for name in ("fit", "test")}
        known["check"] = {"model", "datamodule"}
        return {self.command: known[self.command]} if self.command in known else known

    def setup_parser(self, add_subcommands: bool, *args: Any, **kwargs: Any) -> None:
        """Build the parser, or reuse the one that this process has built for the same command. It depends on nothing else."""
        key = (type(self), self.command, add_subcommands)
        if key not in PARSERS:
            super().setup_parser(add_subcommands, *args, **kwargs)
            PARSERS[key] = {name: value for name, value in vars(self).items() if name in BUILT}
        vars(self).update(PARSERS[key])

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """A parser that accepts no abbreviated options and raises its errors."""
        return super().init_parser(**{**kwargs, "allow_abbrev": False, "exit_on_error": False, "parser_mode": MODE})

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """A parser that knows its command, and so its part of a configuration file."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        assert isinstance(parser, CommandParser)
        parser.command = subcommand
        if subcommand == "test":
            help_text = "Folder for report.json and pictures; it must not be a run's folder. Empty: print the report only."
            parser.add_argument("--report", type=str, default="", help=help_text)
        return parser

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Make model and data required, so that errors name their types and not a union with None."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        parser.set_defaults({f"trainer.{name}": value for name, value in self.trainer_defaults.items() if name != "callbacks"})
        parser.add_argument("--model", type=UnlearningModule, required=True, enable_path=True, help="The method.")
        parser.add_argument("--data", type=LightningDataModule, required=True, enable_path=True, help="The images.")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options of this package, and pass the classes of the data to the model."""
        for name in ("num_classes", "forget_classes"):
            known = partial(asked_of, name=name)
            parser.link_arguments("data", f"model.init_args.{name}", compute_fn=known, apply_on="instantiate")
        help_text = "Continue a fit with the same options that was stopped; false starts again."
        parser.add_argument("--resume", type=bool, default=True, help=help_text)
        help_text = (
            "Audit at the end of a run: outputs; features: also probes, relearning, CKA; all: relearning from more seeds."
        )
        parser.add_argument("--audit.level", type=Literal["outputs", "features", "all"], default="features", help=help_text)
        help_text = (
            "What the red team tries against the result. Classes: quick: 8-bit weights, 10 steps on retained data; full: also "
            "inversion, patches, 4 bit, few-shot probes. Relations: searched captions, altered pictures, changed weights; "
            "quick: a minute at most; full: 50,000 captions for each goal, gradients, all attacks on weights."
        )
        parser.add_argument("--audit.attacks", type=Literal["none", "quick", "full"], default="quick", help=help_text)
        help_text = "Run although a check says that figures would be wrong; the report begins with the reason."
        parser.add_argument("--force", type=bool, default=False, help=help_text)
        add_ledger_options(parser)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Read the options. Reject invalid numbers and checkpoints before anything is built."""
        self.words: list[str] = []
        if isinstance(args, dict | Namespace):
            super().parse_arguments(parser, args)
        else:  # as LightningCLI does, with names quoted
            self.words = list(sys.argv[1:] if args is None else args)
            self.config = self._parsed(parser, keep_names(self.words))
        check_numbers(self.config)
        command = self.config.get("subcommand")
        if command and self.config[command].get("ckpt_path") is not None:
            check_run_checkpoint(self.config[command].ckpt_path)

    def _parsed(self, parser: LightningArgumentParser, words: list[str]) -> Namespace:
        """Parse the words by the parser of the subcommand. The parser around it would check every value a second time."""
        shown = any(word.partition("=")[0] == "--print_config" for word in words)  # which that parser prints
        if shown or not self.command or words[:1] != [self.command]:
            return parser.parse_args(words)
        options = self._parser(self.command).parse_args(words[1:])
        return Namespace(subcommand=self.command, **{self.command: options})

    def instantiate_classes(self) -> None:
        """Build model, data and trainer. Options that the user did not give are filled in from the model's file.

        Raises:
            UserError: If the method cannot use this kind of data, or the classes are in another order than in the model's
                file.
        """
        options = self.config.get(str(self.subcommand), self.config)
        self.ledger_entry = LedgerEntry(options, self.words, str(self.subcommand))
        self.filled_in, known = fill_in(options)
        super().instantiate_classes()
        self.model.attacks = self._get(self.config_init, "audit.attacks")
        check_order(options, known, self.datamodule)
        self.model.check_data(self.datamodule)
        self.ledger_entry.check_method(self.model)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """A trainer that writes all files into ``default_root_dir``. The data module distributes samples over processes."""
        config = self._get(self.config_init, "trainer")
        root = config.default_root_dir
        check_trainer(config, self.model)
        self.first_look = FirstLook(self._get(self.config_init, "force"), [*self.ledger_entry.said, *self.filled_in])
        callbacks: list[Callback] = [self.first_look]
        callbacks += [OneLineProgress()] if config.enable_progress_bar is not False else []
        if self.subcommand == "check":
            callbacks.append(Rehearsal())
            kwargs["enable_checkpointing"] = False
        elif config.enable_checkpointing is not False:
            callbacks.append(ModelCheckpoint(root, filename="model", save_top_k=1, enable_version_counter=False))
        self.trainer_defaults["callbacks"] = callbacks
        if config.logger is None:  # one numbered folder per fit, so that a resumed run keeps its history
            kwargs["logger"] = History(root, name="logs") if self.subcommand == "fit" else False
        kwargs["use_distributed_sampler"] = False
        plugins = config.plugins if isinstance(config.plugins, list) else [config.plugins] if config.plugins else []
        kwargs["plugins"] = [*plugins, WholeCheckpoints(self._begin)]
        self.run_folder = RunFolder(root, self._asked_for())
        folder = None if self.subcommand == "check" else self.run_folder
        self.save_config_kwargs = {**self.save_config_kwargs, "folder": folder, "content": self.config_dump}
        with options_of("--trainer"):
            return super().instantiate_trainer(**kwargs)

    def _dump_config(self) -> None:
        """Dump the configuration, once, without checking it again, since it was checked when it was read."""
        if not hasattr(self, "config_dump"):
            parser, config = self._parser(self.subcommand), self.config.get(str(self.subcommand), self.config)
            self.config_dump = json.loads(parser.dump(config, "json", skip_unset=False, skip_validation=True))

    def _asked_for(self) -> dict[str, Any]:
        """All options that can change a figure, with their defaults, as plain values."""
        self._dump_config()
        return {part: self.config_dump[part] for part in ("seed_everything", "trainer", "model", "data")}

    def _begin(self) -> None:
        saver = next((callback for callback in self.trainer.callbacks if isinstance(callback, SaveConfig)), None)
        self.run_folder.begin(lambda: saver.save_config(self.trainer, self.model, "fit") if saver else None)

    def before_fit(self) -> None:
        """Continue this run if it was stopped. A method without training always starts again from the original.

        Raises:
            UserError: If a run was stopped here and cannot be continued. Nothing has been replaced then.
        """
        options, folder = self.config_init.fit, self.run_folder
        stopped = folder.stopped() if options.resume and options.ckpt_path is None else None
        if not self.model.train_splits:
            options.ckpt_path = None
        elif options.ckpt_path is not None:
            folder.started_from = named(options.ckpt_path)
        elif stopped:
            options.ckpt_path, folder.goes_on = str(stopped[0]), True
            rank_zero_only(print)(
                f"continuing the run that was stopped here after epoch {stopped[1]} (--resume false starts again)"
            )
        self.model.continues = options.ckpt_path is not None

    def after_fit(self) -> None:
        """Write the weights, measure them, write report and pictures, and print the figures before and after the edit."""
        root = self.run_folder.root
        written = self.trainer.strategy.broadcast(self.run_folder.begun)
        if not written and (self.trainer.checkpoint_callback or not self.model.train_splits):
            self.trainer.save_checkpoint(root / CHECKPOINT)  # no epoch has written a checkpoint
        if self.trainer.is_global_zero:
            self._begin()
            if self.model.train_splits and self.trainer.checkpoint_callback is None:
                (root / CHECKPOINT).unlink(missing_ok=True)  # of an earlier run
            self.model.write(root, self.run_folder.notes)
        self.trainer.test(self.model, self.datamodule, verbose=False)
        if self.trainer.is_global_zero:
            report = self._report(root)
            log_figures(self.trainer.loggers, report, self.trainer.global_step)
            show(self.model.report_module, report, root)
            self.ledger_entry.append(root, self.model)

    def before_test(self) -> None:
        """Choose the checkpoint to measure: the one of ``--ckpt_path``, or the run's. An untrained model is never measured.

        Raises:
            UserError: If there is no checkpoint, if it is not the one that the run's report was written for, or if
                ``--report`` names the folder of a run.
        """
        options, checkpoint = self.config_init.test, self.run_folder.root / CHECKPOINT
        if options.report:
            free_for_a_report(Path(options.report))
        if options.ckpt_path is None and not checkpoint.is_file():
            raise UserError(f"nothing to measure: {checkpoint} not found; run fit first, or name a checkpoint with --ckpt_path")
        options.ckpt_path = options.ckpt_path or str(checkpoint)
        if self.run_folder.is_own(options.ckpt_path):
            self.run_folder.check(checkpoint)
        check_run_checkpoint(options.ckpt_path)

    def after_test(self) -> None:
        """Print the new report, compare it with the run's report, and write it to the folder of ``--report``."""
        if not self.trainer.is_global_zero:
            return
        options, folder = self.config_init.test, self.run_folder
        place = Path(options.report) if options.report else None
        measured = Path(options.ckpt_path)
        own = folder.is_own(measured)
        report = self._report(place, None if own else measured)
        show(self.model.report_module, report, place)
        old = folder.report()
        if old and own:
            print(compared(differences(old, json.loads(json.dumps(report)))))
        elif not own:
            print(f"measured: {measured} (SHA-256 {report['checkpoint']['sha256']})")

    def _report(self, place: Path | None, measured: Path | None = None) -> dict[str, Any]:
        """Make the report: all figures, and their origin. It is written and drawn if a folder is given.

        Args:
            place: Folder for ``report.json`` and pictures; None: nothing is written.
            measured: The checkpoint of ``--ckpt_path``; None for the run's checkpoint.
        """
        model, data = self.model, self.datamodule
        header = header_of(self.trainer, self._get(self.config, "seed_everything"))
        kind = import_module(model.report_module)
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        level = self._get(self.config_init, "audit.level")
        report = {**kind.make_report(header, model, data, place, level), **self.run_folder.provenance(measured)}
        report = {"said_first": [*forced_words(self.first_look.complaints), *model.first_words()], **report}
        if place is not None:
            data.draw(place)
            write_page(kind.make_page(report, place), place)
            self.run_folder.write(report, place)
        return report


def build(args: ArgsType = None, run: bool = False) -> UnlearningCLI:
    """Parse a command line and build model, data and trainer, for scripts.

    Args:
        args: The words after ``oro-unlearn``, without the subcommand; None: the words of ``sys.argv``.
        run: Whether to run a subcommand. Its name must then be the first of the words.

    Returns:
        The command line object, with ``model``, ``datamodule`` and ``trainer``.
    """
    args = with_presets(args) if isinstance(args, list) else args
    words = (args if isinstance(args, list) else sys.argv[1:]) if run else []
    return UnlearningCLI(
        command=words[0] if words else "",
        model_class=UnlearningModule,
        datamodule_class=LightningDataModule,
        trainer_class=UnlearningTrainer,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=SaveConfig,
        save_config_kwargs={"save_to_log_dir": False},
        trainer_defaults={"default_root_dir": "runs/unnamed", "enable_model_summary": False},
        seed_everything_default=0,
        auto_configure_optimizers=False,
        parser_class=CommandParser,
        parser_kwargs={
            "prog": "oro-unlearn",
            "description": "Make a trained vision(-language) model forget, and show that it did.",
        },
        args=args,
        run=run,
    )


def main(args: Sequence[str] | None = None) -> None:
    """Run a command line. A mistake of the user ends in one line and exit code 2; with ``ORO_DEBUG=1`` in a traceback.

    Args:
        args: The words after ``oro-unlearn``; None: the words of ``sys.argv``.
    """
    settle()
    words = tidied(sys.argv[1:] if args is None else args)
    try:
        page = answer(words) if words else None
        if page is not None:
            return print(page)
        check_words(words)
        if words[0] in OTHERS:
            return import_module(OTHERS[words[0]]).main(words[1:])
        build(words if args is not None else None, run=True)
    except Exception as error:
        message = explain(error)
        if message is None and sys.version_info >= (3, 11):
            error.add_note(UNKNOWN)
        if message is None or os.environ.get("ORO_DEBUG") == "1":
            raise
        parsing = isinstance(error, ArgumentError)
        fail(advised(message, words) if parsing else message, alike=parsing)
