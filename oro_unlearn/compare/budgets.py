"""How long a run may be: words that keep it within a number of images through any network, and close to it."""

from typing import NamedTuple

from oro_unlearn.compare.searches import Entry

NOISE_IMAGES = 64  # of UNSIR, at most
ATTACK_STEPS = 10  # of AMUN, in each ball
ROUNDS = 8  # of AMUN, at most
SAMPLES = 900  # of SVD, of each side
PAIRS = 25  # of alphas of SVD
RETAIN_SHARE = 0.3  # of the retain set that the preset of Bad Teacher reads


class Load(NamedTuple):
    """What a run may read, and of what."""

    images: float  # forward passes through any network, at most
    forget: int  # images of the forget set
    retain: int
    forget_classes: int
    retain_classes: int
    batch_size: int
    augmented: bool = True  # then what frozen networks say of an image is asked for in every step

    def batch(self, size: int) -> int:
        """Images of a batch of a set."""
        return min(self.batch_size, size)


class Pass(NamedTuple):
    """An epoch."""

    images: int
    steps: int
    step: int  # images of a whole step

    def affordable(self, images: float) -> int:
        """Steps that so many images allow."""
        whole, rest = divmod(max(0.0, images), self.images)
        return int(whole) * self.steps + int(rest // self.step)

    def words(self, steps: int) -> list[str]:
        """Options of a run of so many steps, at least one."""
        steps = max(1, steps)
        return ["--trainer.max_epochs", str(-(-steps // self.steps)), "--trainer.max_steps", str(steps)]


def length(entry: Entry, load: Load) -> list[str]:
    """Words that keep a run within a number of images, whatever its preset's epochs; schedules are stretched over the run.

    Args:
        entry: The row; its ``reads`` says what it reads.
        load: The images.
    """
    if entry.reads in ("nothing", "all"):  # all: SSD reads everything once, however long the run may be
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
    """Images that are read before the first step, and words that keep them within half of all."""
    if entry.preset == "boundary_shrink":
        return 2 * load.forget, []
    if entry.preset == "salun":
        return load.forget, []
    if entry.preset != "amun":
        return 0, []
    balls = int((load.images / 2 / load.forget - 1) // (ATTACK_STEPS + 1))  # a ball: its steps, and a look at the result
    steps = ATTACK_STEPS if balls else max(1, int(load.images / 2 / load.forget) - 2)
    rounds = min(ROUNDS, balls) or int(load.images / 2 >= load.forget * (steps + 2))
    words = ["--model.steps", str(steps), "--model.rounds", str(rounds)]
    return load.forget * (1 + rounds * (steps + 1)), words


def _pass(entry: Entry, load: Load, asked: bool = True) -> Pass:
    """An epoch of a run; ``asked``: frozen networks see the images too."""
    forget, retain = (1 + (times if asked else 0) for times in entry.asks)
    batches = {"forget": -(-load.forget // load.batch_size), "retain": -(-load.retain // load.batch_size)}
    if entry.reads == "forget":
        return Pass(forget * load.forget, batches["forget"], forget * load.batch(load.forget))
    if entry.reads == "retain":
        return Pass(retain * load.retain, batches["retain"], retain * load.batch(load.retain))
    steps = min(batches.values())  # the shorter set, each batch beside one of the other
    images = [times * min(size, steps * load.batch_size) for times, size in ((forget, load.forget), (retain, load.retain))]
    return Pass(sum(images), steps, forget * load.batch(load.forget) + retain * load.batch(load.retain))


def _steps(entry: Entry, load: Load, images: float) -> int:
    """Steps that are affordable: where frozen networks' outputs are kept, they are asked once for each image."""
    always = _pass(entry, load).affordable(images)
    if load.augmented or entry.preset == "amun":
        return always
    once = entry.asks[0] * load.forget + entry.asks[1] * load.retain
    return max(always, _pass(entry, load, asked=False).affordable(images - once))


def _schedule(entry: Entry, epochs: int) -> list[str]:
    """Options of the preset's schedule, which falls over the whole run."""
    restarts = ["--model.lr_scheduler.init_args.T_0", str(epochs), "--model.lr_scheduler.init_args.eta_min", "0"]
    falls = ["--model.lr_scheduler.init_args.step_size", str(max(1, epochs // 2))]
    return {"eu_k": restarts, "cf_k": restarts, "amun": falls}.get(entry.preset, [])


def _phases(load: Load) -> list[str]:
    """SCRUB: forget and retain in turn, twice or once, then retain alone; the original is asked in every step."""
    asked = 2 if load.augmented else 1
    images = load.images - (0 if load.augmented else load.forget + load.retain)
    forget, retain = (Pass(asked * n, -(-n // load.batch_size), asked * load.batch(n)) for n in (load.forget, load.retain))
    rounds = 2 if images >= 2 * (forget.images + retain.images) else 1
    later = max(1, retain.affordable(images - rounds * forget.images))
    epochs = rounds + max(rounds, -(-later // retain.steps))
    steps = ["--trainer.max_steps", str(rounds * forget.steps + later)]
    return ["--model.max_steps", str(rounds), "--trainer.max_epochs", str(epochs), *steps]


def _noise(load: Load) -> list[str]:
    """UNSIR: a quarter of the images to learn noise, a quarter to impair with it, the rest for passes of a subset."""
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
    """SVD: half of the images, at most, to measure inputs, the rest to choose a pair on; one pair where they are too few."""
    samples = max(1, min(SAMPLES, int(load.images / 4)))
    measured = min(load.retain, samples + load.retain_classes) + min(load.forget, samples + load.forget_classes) + 1
    classes, everything = load.forget_classes + load.retain_classes, load.forget + load.retain
    share = ((load.images - measured) / PAIRS - classes / 2) / everything  # the part of each class is rounded
    words = ["--model.samples", str(samples)]
    if share * everything < classes:
        return [*words, "--model.alpha_retain", "[100]", "--model.alpha_forget", "[3]"]
    return [*words, "--model.selection", f"{min(0.5, share):.6f}"]
