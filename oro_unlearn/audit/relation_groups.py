"""Groups of pictures and captions on which a relation is measured, each with the name that reports show."""

FORGOTTEN = {
    "direct": "plain caption",
    "paraphrase": "paraphrase, held-out wordings",
    "contextual": "held-out places",
    "ood_image": "OOD styles",
    "typo": "misspelt",
    "combined": "wording, typo and style together",
    "hypernym": "words above it, forgotten too",
    "above": "words above it, not asked for",
    "shuffled": "shuffled words (control)",
    "forgotten_earlier": "earlier requests",
}
ATTACKS = {name: FORGOTTEN[name] for name in ("paraphrase", "contextual", "ood_image", "typo", "combined")}
KEPT = {
    "single_node": "single node",
    "new_safe_edge": "new safe edge",
    "new_safe_node": "new safe node",
    "neutral_edge": "new neutral edge",
    "unlisted_in": "unlisted, caption in the vocabulary",
    "unlisted_out": "unlisted, not even its caption",
    "everything_else": "everything not forgotten",
}
UTILITY = {
    "retrieval/i2t_r1": "retrieval R@1, picture to caption",
    "retrieval/t2i_r1": "retrieval R@1, caption to picture",
    "relation_swap/accuracy": "relation swap, two alternatives",
    "relation_swap/strict": "relation against all others",
    "role_swap/accuracy": "role swap",
    "worst_neighbour/accuracy": "neighbours against the unsafe caption, worst slot",
    "zero_shot/accuracy": "zero-shot, single objects",
    "rss": "Relational Safety Score",
    "rss/suppression": "  suppression",
    "rss/preservation": "  preservation, worst group",
    "rss/robustness": "  robustness, worst attack",
}
