"""Which training precisions give figures that mean what they say."""

from oro_unlearn.methods import Training, UnlearningModule
from oro_unlearn.user_error import UserError


def check_precision(precision: str, model: UnlearningModule) -> None:
    """Refuse a training precision whose figures would not mean what they say.

    Args:
        precision: As Lightning names it.
        model: The method.

    Raises:
        UserError: With the reason.
    """
    if precision.removesuffix("-true").removesuffix("-mixed") not in ("16", "32", "bf16", "64") or precision == "16-true":
        reason = "small gradients are lost without scaling" if precision == "16-true" else "it was never measured"
        raise UserError(f"--trainer.precision {precision} is not supported ({reason}): use 32-true, bf16-mixed or 16-mixed")
    if precision in ("bf16-true", "64-true", "64") and not isinstance(model, Training):
        raise UserError(
            f"--trainer.precision {precision} is for Training and Retraining: of {type(model).__name__} it would round frozen "
            "weights that an edit starts from and is compared with; use 32-true, bf16-mixed or 16-mixed"
        )
