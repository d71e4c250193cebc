"""Pictures of a run: the confusion matrix, and the predictions for images of the forgotten classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from oro_unlearn.files import replacing
from oro_unlearn.report.names import label as label_of
from oro_unlearn.report.names import literal_text

COLOURS = {"original": "#9aa0a6", "retrained": "#1a73e8", "unlearned": "#e8710a"}


@literal_text()
def plot_confusion_and_redirection(
    confusion: Sequence[Sequence[int]],
    shares: Mapping[str, Sequence[float]],
    class_names: Sequence[str],
    forgotten: Sequence[int],
    path: str | Path,
) -> None:
    """Draw a PNG: on the left the confusion matrix, on the right the share of forgotten test images put into each class.

    Args:
        confusion: Counts (K, K) of the measured model on the test split.
        shares: (K,) by role: ``original``, ``retrained``, ``unlearned``. The largest 12 classes are drawn.
        class_names: K names.
        forgotten: Indices of the forgotten classes.
        path: File to write.
    """
    from matplotlib.figure import Figure  # not pyplot, which has global state and needs a display

    class_names = [label_of(name) for name in class_names]
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = [[count / (sum(row) or 1) for count in row] for row in confusion]
    image = left.imshow(rows, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=left, label="share of the row")
    left.set(title="Confusion on the test split", xlabel="predicted", ylabel="label")
    if len(class_names) <= 30:
        left.set_xticks(range(len(class_names)), class_names, rotation=60, ha="right")
        left.set_yticks(range(len(class_names)), class_names)
        for label in forgotten:
            left.get_yticklabels()[label].set_color(COLOURS["unlearned"])
    shown = sorted(range(len(class_names)), key=lambda label: -max(values[label] for values in shares.values()))[:12]
    width = 0.8 / len(shares)
    for position, (role, values) in enumerate((role, shares[role]) for role in COLOURS if role in shares):
        places = [slot + (position - (len(shares) - 1) / 2) * width for slot in range(len(shown))]
        right.bar(places, [values[label] for label in shown], width, label=role, color=COLOURS[role])
    right.set_xticks(range(len(shown)), [class_names[label] for label in shown], rotation=60, ha="right")
    names = ", ".join(class_names[label] for label in forgotten[:3]) + (", ..." if len(forgotten) > 3 else "")
    right.set(title=f"Where test images of the forgotten class go: {names}", ylabel="share predicted", ylim=(0, 1))
    right.legend()
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=110)
