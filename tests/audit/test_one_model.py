"""One model's audit says which part begins, and the bar over all models reaches its end."""

import torch
from rich.progress import Progress

from oro_unlearn.attacks.classes import EFFORTS, Target
from oro_unlearn.audit import LEVELS, Tried, attacked_model, progress_of
from oro_unlearn.networks import SmallCNN


def images():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(24, 1, 8, 8, generator=generator)
    labels = {"retain": 1, "test_retain": 1, "forget": 0, "test_forget": 0}
    return {name: (pixels, torch.full((24,), label), torch.arange(24)) for name, label in labels.items()}


def test_every_part_is_announced_and_outputs_are_the_only_part_of_their_level(monkeypatch):
    shown = []
    update = Progress.update
    monkeypatch.setattr(Progress, "update", lambda self, *args, **given: (shown.append(given), update(self, *args, **given)))
    for level, attacks, parts in (
        ("outputs", "quick", ["outputs"]),
        ("features", "none", ["outputs", "probes", "relearning"]),
        ("features", "quick", ["outputs", "probes", "relearning", "weights of few bits", "steps on retained data"]),
    ):
        tried = Tried(LEVELS[level] and LEVELS["features"]._replace(steps=(1,), seeds=1), attacks)
        shown.clear()
        with progress_of(["a", "b"], tried) as began:
            for model in ("a", "b"):
                target = Target(SmallCNN(2, width=4, in_channels=1).eval(), 2, [0], ["no", "yes"])
                _, figures = attacked_model(target, images(), tried, None, began(model))
        assert [one["description"] for one in shown] == [f"auditing {model}: {part}" for model in "ab" for part in parts]
        assert [one["completed"] for one in shown] == list(range(2 * tried.parts)), "a part counts when the next begins"
        assert bool(figures) == (level == "features")
        assert ("quantised_8/forgotten" in figures) == (attacks == "quick" and level == "features")
    assert EFFORTS["full"].parts == 5
