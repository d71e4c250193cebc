"""Length of a run: options that use a budget of images almost fully. Images through any network count."""

from typing import NamedTuple

from oro_unlearn.compare.searches import Entry

NOISE_IMAGES = 64  # UNSIR: maximum number of noise images for each class
ATTACK_STEPS = 10  # AMUN: attack steps in each ball
ROUNDS = 8  # AMUN: maximum number of balls
SAMPLES = 900  # SVD: maximum number of samples of the forget set, and of the retain set
PAIRS = 25  # SVD: pairs of alphas to choose from
RETAIN_SHARE = 0.3  # Bad Teacher: share of the retain set that its preset reads


class Load(NamedTuple):
    """The budget of a run, and the sizes of its data."""

    images: float  # budget: maximum number of forward passes of an image through any network
    forget: int  # images of the forget set
    retain: int  # images of the retain set
    forget_classes: int
    retain_classes: int
    batch_size: int
    augmented: bool = True  # outputs of frozen networks are then computed in every step, not once

    def batch(self, size: int) -> int:
        """Number of images in a full batch of a set with ``size`` images."""
        return min(self.batch_size, size)


class Pass(NamedTuple):
    """Cost of an epoch."""

    images: int  # images of the whole epoch
    steps: int
    step: int  # images of a step with full batches

    def affordable(self, images: float) -> int:
        """Number of steps that a budget of images allows."""
        whole, rest = divmod(max(0.0, images), self.images)
        return int(whole) * self.steps + int(rest // self.step)

    def words(self, steps: int) -> list[str]:
        """Options of a run with this number of steps, at least one."""
        steps = max(1, steps)
        return ["--trainer.max_epochs", str(-(-steps // self.steps)), "--trainer.max_steps", str(steps)]


def length(entry: Entry, load: Load) -> list[str]:
    """Options that keep a run within its budget. They replace the preset's epochs, and stretch its schedule over the run.

    Args:
        entry: The method. ``entry.reads`` names the sets that it reads.
        load: The budget and the sizes of the data.
    """
    if entry.reads in ("nothing", "all"):  # all: every image once, whatever the budget
        return []
    if entry.preset == "bad_teacher":
        load = load._replace(retain=max(1, round(RETAIN_SHARE * load.retain)))
    special = {"spaces": _spaces, "subset": _noise, "phases": _phases}
    if entry.reads in special:
        return special[entry.reads](load)
    before, words = _before(entry, load)
    steps = _steps(entry, load, load.images - before)
    run = _pass(entry, load).words(steps)
    return [
        *words,
        *(["--model.loader_mode", "min_size"] if entry.reads == "both" else []),
        *run,
        *_schedule(entry, int(run[1])),
    ]


def _before(entry: Entry, load: Load) -> tuple[int, list[str]]:
    """Number of images read before the first step, and options that keep it within half of the budget."""
    if entry.preset == "boundary_shrink":
        return 2 * load.forget, []
    if entry.preset == "salun":
        return load.forget, []
    if entry.preset != "amun":
        return 0, []
    balls = int(
        (load.images / 2 / load.forget - 1) // (ATTACK_STEPS + 1)
    )  # passes for a ball: its steps, and a check of the result
    steps = ATTACK_STEPS if balls else max(1, int(load.images / 2 / load.forget) - 2)
    rounds = min(ROUNDS, balls) or int(load.images / 2 >= load.forget * (steps + 2))
    words = ["--model.steps", str(steps), "--model.rounds", str(rounds)]
    return load.forget * (1 + rounds * (steps + 1)), words


def _pass(entry: Entry, load: Load, asked: bool = True) -> Pass:
    """Cost of an epoch. ``asked``: whether frozen networks see the images too."""
    forget, retain = (1 + (times if asked else 0) for times in entry.asks)
    batches = {"forget": -(-load.forget // load.batch_size), "retain": -(-load.retain // load.batch_size)}
    if entry.reads == "forget":
        return Pass(forget * load.forget, batches["forget"], forget * load.batch(load.forget))
    if entry.reads == "retain":
        return Pass(retain * load.retain, batches["retain"], retain * load.batch(load.retain))
    steps = min(batches.values())  # an epoch ends with the shorter set; each step has a batch of both sets
    images = [times * min(size, steps * load.batch_size) for times, size in ((forget, load.forget), (retain, load.retain))]
    return Pass(sum(images), steps, forget * load.batch(load.forget) + retain * load.batch(load.retain))


def _steps(entry: Entry, load: Load, images: float) -> int:
    """Number of steps within the budget. If outputs of frozen networks are kept, each image passes through them only once."""
    always = _pass(entry, load).affordable(images)
    if load.augmented or entry.preset == "amun":
        return always
    once = entry.asks[0] * load.forget + entry.asks[1] * load.retain
    return max(always, _pass(entry, load, asked=False).affordable(images - once))


def _schedule(entry: Entry, epochs: int) -> list[str]:
    """Options that stretch the preset's learning-rate schedule over the whole run."""
    restarts = ["--model.lr_scheduler.init_args.T_0", str(epochs), "--model.lr_scheduler.init_args.eta_min", "0"]
    falls = ["--model.lr_scheduler.init_args.step_size", str(max(1, epochs // 2))]
    return {"eu_k": restarts, "cf_k": restarts, "amun": falls}.get(entry.preset, [])


def _phases(load: Load) -> list[str]:
    """SCRUB: one or two rounds of a forget and a retain epoch, then the retain set alone. Each step uses the original."""
    asked = 2 if load.augmented else 1
    images = load.images - (0 if load.augmented else load.forget + load.retain)
    forget, retain = (Pass(asked * n, -(-n // load.batch_size), asked * load.batch(n)) for n in (load.forget, load.retain))
    rounds = 2 if images >= 2 * (forget.images + retain.images) else 1
    later = max(1, retain.affordable(images - rounds * forget.images))
    epochs = rounds + max(rounds, -(-later // retain.steps))
    steps = ["--trainer.max_steps", str(rounds * forget.steps + later)]
    return ["--model.max_steps", str(rounds), "--trainer.max_epochs", str(epochs), *steps]


def _noise(load: Load) -> list[str]:
    """UNSIR: a quarter of the budget to learn noise, a quarter to impair with it, the rest for passes over a retain subset."""
    each = max(1, min(NOISE_IMAGES, int(load.images / 8 / load.forget_classes)))
    noise = each * load.forget_classes
    quarter = max(1, int(load.images / 4 / noise))
    steps, copies = min(40, quarter), quarter
    rest = load.images - noise * (steps + copies)
    of_each = max(1, int(min(load.retain, rest / 2) // load.retain_classes))
    subset = Pass(of_each * load.retain_classes, -(-of_each * load.retain_classes // load.batch_size), load.batch_size)
    words = ["--model.noise_images", str(each), "--model.noise_steps", str(steps), "--model.noise_copies", str(copies)]
    return [*words, "--model.samples_per_class", str(of_each), *subset.words(subset.affordable(rest))]


def _spaces(load: Load) -> list[str]:
    """SVD: at most half of the budget to measure inputs, the rest to choose a pair of alphas. A small rest: one fixed pair."""
    samples = max(1, min(SAMPLES, int(load.images / 4)))
    measured = min(load.retain, samples + load.retain_classes) + min(load.forget, samples + load.forget_classes) + 1
    classes, everything = load.forget_classes + load.retain_classes, load.forget + load.retain
    share = (
        (load.images - measured) / PAIRS - classes / 2
    ) / everything  # half an image more per class, because the share of each class is rounded
    words = ["--model.samples", str(samples)]
    if share * everything < classes:
        return [*words, "--model.alpha_retain", "[100]", "--model.alpha_forget", "[3]"]
    return [*words, "--model.selection", f"{min(0.5, share):.6f}"]
