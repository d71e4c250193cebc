"""Terms of the reports in plain words. A page explains the terms that appear in it."""

import re
from collections.abc import Iterable

TERMS = {  # by a pattern of the text in which a term appears: the term, and what it means
    r"\bretrained|\bideal\b": (
        "Retrained models",
        "Models trained from scratch without what is to be forgotten. Their figures are the ideal; another seed changes them, "
        "and how much shows what is normal.",
    ),
    r"\bedited|\bafter\b": ("Edited model", "The model that was made to forget: what this page is about."),
    r"\boriginal|\bbefore\b": ("Original", "The model before the edit."),
    r"\brange\b|interval": (
        "Range",
        "The 95 % prediction interval for the figure of one more retrained model (Student's t). A judgement needs three "
        "retrained models.",
    ),
    r"\bLogitMask|free control": (
        "Free control (LogitMask)",
        "The original whose answer for the forgotten classes is switched off. It removes nothing from the weights, so a good "
        "audit tells it apart.",
    ),
    r"\blevel\b": (
        "Level",
        "How deep the audit looks. outputs: what the model answers; features: also what its features and weights still hold; "
        "all: relearning from more seeds, and longer.",
    ),
    r"\bMIA\b|[Mm]embership": (
        "Membership inference (MIA)",
        "An attack that tells from a model's confidence whether an image was in its training data.",
    ),
    r"MIA-NN": (
        "MIA-NN",
        "A membership attack on the nearest kept class: is a forgotten image taken for a training image of that class?",
    ),
    r"RMIA": (
        "RMIA",
        "A membership attack that compares confidences with those of other images and of other models. An AUC of 0.5 is "
        "chance.",
    ),
    r"total variation|\bUTV\b": (
        "Total variation (UTV)",
        "Distance between the answers of two models to the same image: 0 for equal probabilities, 1 for none in common.",
    ),
    r"\bprobe\b": (
        "Linear probe",
        "A linear classifier that is trained on the features of the model. It shows whether the features still separate the "
        "forgotten classes.",
    ),
    r"[Rr]elearn|training on \d+ pair": (
        "Relearning",
        "A few steps of training on forgotten images. What comes back at once was hidden, not removed.",
    ),
    r"attack on the weights": (
        "Attack on the weights",
        "A change of a copy of the model by someone who holds its file: a short training on pictures of what was to be "
        "forgotten, fewer bits, small weights set to 0, or a part of the edit taken back.",
    ),
    r"[Ii]nverted": (
        "Class inversion",
        "An input that is optimised, from noise, until the model calls it the class. Another model says what it shows.",
    ),
    r"\bpatch:": (
        "Patch",
        "A square in the corner of every image that is optimised to make the model say the forgotten class. The excess counts: "
        "how much more often images of the class are called so than other images.",
    ),
    r"[Dd]rawn name": ("Drawn name", "The name of the class as text on the image: a hint that a model may read."),
    r"\d-bit": (
        "8-bit and 4-bit weights",
        "Weights that are rounded to a few values for each output channel, as for small devices. An edit that moves weights "
        "by less is undone.",
    ),
    r"kept data": (
        "Steps on kept data",
        "Training steps without any image of the forgotten classes. A class that comes back nevertheless was only hidden.",
    ),
    r"silhouette": ("Silhouette", "How closely the forgotten images lie together in the features, from -1 to 1."),
    r"\bCKA\b": ("CKA", "Similarity of the features of two models: 1 for equal features, up to rotation and scale."),
    r"\bAUC\b": (
        "AUC",
        "Probability that an attack ranks a member above a non-member, or a forgotten picture above a "
        "neighbour's: 0.5 is chance, 1 is certain.",
    ),
    r"\bROC\b|false positive": (
        "ROC",
        "True positive rate of an attack against its false positive rate, for every threshold. The left end counts: what it "
        "finds almost without false alarms.",
    ),
    r"R@\d": ("R@k", "Share of pictures whose own caption is among the k captions that the model finds closest."),
    r"[Cc]osine": ("Cosine", "Similarity of picture and caption for the model: 1 is the same direction, 0 is unrelated."),
    r"\badapter": ("Adapter", "Small weights beside those of the model. Without them the model is the original again."),
    r"[Ss]earched caption": (
        "Searched caption",
        "A caption that an attacker has found by trying thousands of word sequences. It need not be a sentence. Its figures "
        "are of pictures that the search did not see.",
    ),
    r"\bfoil\b": ("Foil", "A neighbour of what was to be forgotten with another relation, such as holding instead of eating."),
    r"altered pictures": (
        "Altered pictures",
        "Pictures that are cropped, partly covered, mixed, or pushed to the forgotten caption by changes too small to see. A "
        "push moves any picture: only what is above the foil's pictures is evidence.",
    ),
    r"Safety Score|\brss\b": (
        "Relational Safety Score",
        "Harmonic mean of suppression (plain captions), preservation (neighbours), robustness (listed attacks) and removal "
        "(searched captions). 1 is best; 0 if any part fails.",
    ),
    r"median rank": ("Median rank", "Place of the right caption among all captions, as a share: 0 is first, 0.5 is chance."),
    r"\bfloor": (
        "Floor",
        "The gap that one more retrained model is expected to have. A gap of 1 floor is that of a retrained model.",
    ),
    r"U-LIRA": ("U-LIRA", "An attack that tells edited models from retrained models. 50 % is chance."),
    r"SHA-256": ("SHA-256", "A fingerprint of a file: any change of the file gives another one."),
}


def terms_in(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Terms that appear in texts, with their meaning, in alphabetical order.

    Example:
        >>> [term for term, _ in terms_in(["CKA to original", "cosine"])]
        ['CKA', 'Cosine', 'Original']
    """
    text = "\n".join(texts)
    return sorted((entry for pattern, entry in TERMS.items() if re.search(pattern, text)), key=lambda entry: entry[0].lower())
