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
    r"[Rr]elearn|training on \d+ (pair|question)": (
        "Relearning",
        "A few steps of training on what was forgotten. What comes back at once was hidden, not removed.",
    ),
    r"[Cc]loze": (
        "Cloze accuracy",
        "Share of answers that contain the word that carries the fact, such as the city, in whatever wording.",
    ),
    r"[Cc]hoice accuracy": (
        "Choice accuracy",
        "Share of multiple-choice questions whose right option the model finds likeliest. Chance is one over their number.",
    ),
    r"[Ee]xact match": (
        "Exact match",
        "Share of answers that are the reference answer, apart from case, spaces and a full stop.",
    ),
    r"\bROUGE": (
        "ROUGE-1, -2, -L, -Lsum",
        "Words that an answer shares with the reference answer: single words, pairs, the longest common sequence, and this "
        "line by line. 1 for equal words. Two different facts in the same wording share most words.",
    ),
    r"\bBLEU\b": ("BLEU", "Sequences of up to four words that the answers share with the reference answers, from 0 to 1."),
    r"[Aa]nswer probability": (
        "Answer probability",
        "Geometric mean of the probabilities of the words of the right answer. It sees knowledge that a refusal hides.",
    ),
    r"[Tt]ruth ratio": (
        "Truth ratio",
        "How likely false answers are beside the right one (TOFU). People to forget: 1 for a model that cannot tell them "
        "apart, 0 for one that knows, or that avoids the right answer. Others: 1 for a model that knows.",
    ),
    r"[Nn]ame filter": (
        "Name filter (free control)",
        "The original behind a filter that refuses questions about the people. It removes nothing from the weights, so a good "
        "audit tells it apart.",
    ),
    r"by layer": (
        "Answer by layer (logit lens)",
        "The hidden state of every layer is read as if it were the last one. It shows where in the model a fact still is.",
    ),
    r"[Nn]euron path|on the paths": (
        "Neuron path",
        "The neurons of the feed-forward layers, shallow to deep, by which a model gives its answer.",
    ),
    r"other names of": ("Other names", "The people are called by a nickname, by initials or by the surname alone."),
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
