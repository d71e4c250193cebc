"""Check the training precision: some precisions make figures wrong."""

from oro_unlearn.methods import Training, UnlearningModule
from oro_unlearn.user_error import UserError


def check_precision(precision: str, model: UnlearningModule) -> None:
    """Reject a training precision that would make figures wrong.

    Args:
        precision: Lightning's name of the precision.
        model: The method.

    Raises:
        UserError: If the precision is not supported for the method. The message gives the reason.
    """
    if precision.removesuffix("-true").removesuffix("-mixed") not in ("16", "32", "bf16", "64") or precision == "16-true":
        reason = "small gradients are lost without scaling" if precision == "16-true" else "it was never measured"
        raise UserError(f"--trainer.precision {precision} is not supported ({reason}): use 32-true, bf16-mixed or 16-mixed")
    if precision in ("bf16-true", "64-true", "64") and not isinstance(model, Training):
        raise UserError(
            f"--trainer.precision {precision} is for Training and Retraining only: for {type(model).__name__} it would round "
            "the frozen weights that the edit starts from and is compared with; use 32-true, bf16-mixed or 16-mixed"
        )
