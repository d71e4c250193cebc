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
    "rss/robustness": "  robustness, worst listed attack",
    "rss/removal": "  removal, searched captions",
}
FAMILIES = {
    "typo_search": "misspelt captions",
    "homoglyph": "look-alike letters, case and spaces",
    "word_order": "other word order",
    "indirect": "indirect wordings",
    "synonym": "words outside of the graph",
}
SEARCHED = {
    "search/r5": "R@5, strongest searched caption",
    "search/foil_r5": "  the same caption, pictures of the foil",
    "search/excess_r5": "  most above the foil, any searched caption",
    "search/auc": "AUC against neighbours' pictures, any search",
    "search_cosine/r5": "  R@5, search for cosine",
    "search_cosine/auc": "  AUC, search for cosine",
    "search_contrast/r5": "  R@5, search for contrast",
    "search_contrast/auc": "  AUC, search for contrast",
    "search_gradient/r5": "  R@5, search by gradients",
    "search_gradient/auc": "  AUC, search by gradients",
    "search_embedding/auc": "  AUC, search for a prompt that is no text",
    **{f"{name}/r5": f"  R@5, {text}" for name, text in FAMILIES.items()},
    "image_query/auc": "query by five pictures of it, AUC",
    "probe_picture/auc": "linear probe of pictures, AUC",
    "probe_caption/auc": "linear probe of captions, AUC",
}
MORE_SEARCHED = {  # for criteria and the report's JSON; the tables leave them out
    **{f"{name}/auc": f"AUC, {text}" for name, text in FAMILIES.items()},
    "image_query/recall": "query by five pictures of it, recall",
}
ALTERED = {
    "crop": "cropped",
    "occlusion": "partly covered",
    "mixed": "two safe pictures mixed",
    **{f"pgd_{distance}": f"pushed to the caption within {distance}/255" for distance in (2, 4, 8)},
}
OF_ALTERED = [f"{attack}/{figure}" for attack in ALTERED for figure in ("r5", "foil_r5", "excess_r5", "auc")]
OF_ATTACKS = [*SEARCHED, *MORE_SEARCHED, *OF_ALTERED]
RELEARNED = "relearn_16"  # the attack on the weights by which the verdict judges
WEIGHTS = {
    "no_attack": "none",
    "relearn_1": "training on 1 pair",
    "relearn_4": "training on 4 pairs",
    "relearn_16": "training on 16 pairs",
    "relearn_64": "training on 64 pairs",
    "relearn_1_adapter": "training of the adapter on 1 pair",
    "relearn_4_adapter": "training of the adapter on 4 pairs",
    "relearn_16_adapter": "training of the adapter on 16 pairs",
    "relearn_64_adapter": "training of the adapter on 64 pairs",
    "quantised_8": "weights of 8 bits",
    "quantised_4": "weights of 4 bits",
    "pruned_10": "10 % of the weights set to 0",
    "pruned_30": "30 % of the weights set to 0",
    "pruned_50": "50 % of the weights set to 0",
    "arithmetic_25": "a quarter of the edit",
    "arithmetic_50": "half of the edit",
    "arithmetic_75": "three quarters of the edit",
    "arithmetic_150": "one and a half times the edit",
}
WEIGHT_FIGURES = {"r5": "R@5", "r1": "R@1", "kept_r1": "R@1 of what is kept"}
