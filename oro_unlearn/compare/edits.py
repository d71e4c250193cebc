"""Models that are scored: what each says and sees on every split, and how fast it relearns, saved once for every audit."""

from typing import Any

from torch import nn

from oro_unlearn.audit import score
from oro_unlearn.compare.jobs import Job

QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_model_summary", "false"]


class Scoring(Job):
    """Scores a finished model, the first of its ``inputs``, under one request to forget."""

    def run(self, *words: str) -> None:
        """Load, score and report."""
        from oro_unlearn.cli import build, settle
        from oro_unlearn.networks import load_weights

        settle()
        (self.folder / "job.key").unlink(missing_ok=True)
        cli = build([*self.command[1:], *QUIET, *words])
        load_weights(cli.model.network, self.inputs[0])
        self.finish(cli, cli.model.network)

    attacked = True  # probed and relearned too; not where settings are chosen by outputs alone

    def finish(self, cli: Any, network: nn.Module) -> None:
        """Write ``scores.safetensors``, then ``report.json`` and the key: where they are, the job is done."""
        from oro_unlearn.files import write_json
        from oro_unlearn.report.run_report import hardware, versions

        figures = score(cli.datamodule, network, self.folder / "scores.safetensors", self.attacked)
        machine = {"versions": versions(), "hardware": hardware(cli.trainer.strategy.root_device.type)}
        images = {"images_read": cli.model.images_read, "images_backward": cli.model.images_backward}
        cost = {"seconds": round(cli.model.seconds, 3), **images}
        report = {"command": self.command, **cost, "figures": figures, **machine}
        write_json(report, self.folder / "report.json")
        self.mark_finished()


class Edit(Scoring):
    """An unlearning run without the command line's own measurement, scored."""

    def run(self, *words: str) -> None:
        """Fit, write the weights, score and report."""
        from oro_unlearn.cli import build, settle

        settle()
        (self.folder / "job.key").unlink(missing_ok=True)
        cli = build([*self.command[1:], *QUIET, *words])
        cli.trainer.fit(cli.model, datamodule=cli.datamodule)
        cli.model.write(self.folder)
        self.finish(cli, cli.model.export())


class Trial(Edit):
    """An unlearning run with a setting that may be chosen: its outputs are all that is needed."""

    attacked = False


class TrialScoring(Scoring):
    """Scores a model that trials are compared with."""

    attacked = False
