"""Linear probe of features: do they still tell what was to be forgotten from its neighbours?"""

import torch
from torch import Tensor

from oro_unlearn.metrics import auc

C = 10.0  # inverse strength of scikit-learn's L2 penalty; the features are unit vectors, which are not standardised


def probe_auc(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> float:
    """AUC of a logistic regression that tells positives from negatives, on features that it was not fitted to.

    Linear probes are from Alain and Bengio, ICLR workshop 2017. Both sides have the same weight.

    Args:
        train: Features (P, D) of positives and (Q, D) of negatives to fit to.
        test: Features of others to judge by.

    Returns:
        In [0, 1], 0.5 by chance; NaN if a side is empty.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if not all(len(part) for part in (*train, *test)):
        return float("nan")
    labels = [1] * len(train[0]) + [0] * len(train[1])
    with threadpool_limits(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
        model.fit(torch.cat(train).double().numpy(), labels)
        return auc(*(torch.from_numpy(model.decision_function(part.double().numpy())) for part in test))
