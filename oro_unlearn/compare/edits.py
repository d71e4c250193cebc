"""Jobs that score models: outputs and features on every split, and relearning. Scores are saved once for every audit."""

from typing import Any

from torch import nn

from oro_unlearn.audit import score
from oro_unlearn.compare.jobs import Job

QUIET = ["--trainer.logger", "false", "--trainer.enable_checkpointing", "false", "--trainer.enable_model_summary", "false"]


class Scoring(Job):
    """Scores a finished model under one request to forget. The model's weights are the first of ``inputs``."""

    def run(self, *words: str) -> None:
        """Load, score and report."""
        from oro_unlearn.cli import build, settle
        from oro_unlearn.networks import load_weights

        settle()
        (self.folder / "job.key").unlink(missing_ok=True)
        cli = build([*self.command[1:], *QUIET, *words])
        load_weights(cli.model.network, self.inputs[0])
        self.finish(cli, cli.model.network)

    attacked = True  # whether probes and relearning run too; trials for tuning need outputs alone

    def finish(self, cli: Any, network: nn.Module) -> None:
        """Write ``scores.safetensors``, then ``report.json`` and the key. A folder with these two is a finished job."""
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
    """Runs an unlearning method and scores the result. The measurement of the command line is skipped."""

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
    """An edit with one of the settings that tuning chooses from. Only its outputs are scored."""

    attacked = False


class TrialScoring(Scoring):
    """Scores a reference model for trials, from outputs alone."""

    attacked = False
