"""Check options of the trainer with which figures would be wrong or missing."""

from jsonargparse import Namespace

from oro_unlearn.methods import Training, UnlearningModule
from oro_unlearn.user_error import UserError


def check_trainer(options: Namespace, model: UnlearningModule) -> None:
    """Reject options of the trainer with which the figures would be wrong or missing.

    Args:
        options: Options of ``--trainer``.
        model: The method.

    Raises:
        UserError: If the precision or ``fast_dev_run`` is not supported for the method.
    """
    _check_precision(str(options.precision or "32-true"), model)
    if options.fast_dev_run:
        raise UserError(
            "--trainer.fast_dev_run is not supported, because such a run has no checkpoint to measure: 'oro-unlearn check' "
            "with the same options tries one step and writes nothing"
        )


def _check_precision(precision: str, model: UnlearningModule) -> None:
    if precision.removesuffix("-true").removesuffix("-mixed") not in ("16", "32", "bf16", "64") or precision == "16-true":
        reason = "small gradients are lost without scaling" if precision == "16-true" else "it was never measured"
        raise UserError(f"--trainer.precision {precision} is not supported ({reason}): use 32-true, bf16-mixed or 16-mixed")
    if precision in ("bf16-true", "64-true", "64") and not isinstance(model, Training):
        raise UserError(
            f"--trainer.precision {precision} is for Training and Retraining only: for {type(model).__name__} it would round "
            "the frozen weights that the edit starts from and is compared with; use 32-true, bf16-mixed or 16-mixed"
        )
