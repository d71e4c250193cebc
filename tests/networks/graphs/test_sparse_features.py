"""Products at nonzero features alone are those of dense features, and so are their gradients."""

import pytest
import torch

from oro_unlearn.networks.graphs import at_nonzeros, features_times, nonzeros


@pytest.fixture
def features():
    torch.manual_seed(0)
    dense = torch.rand(6, 5, dtype=torch.float64) * (torch.rand(6, 5) > 0.5)
    return dense, dense.to_sparse_csr()


def test_products_are_those_of_dense_features(features):
    dense, sparse = features
    weight = torch.rand(3, 5, dtype=torch.float64)
    torch.testing.assert_close(features_times(sparse, weight), dense @ weight.T)
    mask = torch.rand(6, 5, dtype=torch.float64)
    own = mask[dense != 0]
    torch.testing.assert_close(features_times(sparse, weight, own), (dense * mask) @ weight.T)
    torch.testing.assert_close(features_times(dense, weight, mask), (dense * mask) @ weight.T)


def test_entries_at_nonzeros_are_those_of_the_whole_product(features):
    dense, sparse = features
    rows, columns = torch.rand(6, 4, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64)
    whole = rows @ columns.T
    torch.testing.assert_close(at_nonzeros(sparse, rows, columns), whole[dense != 0])
    torch.testing.assert_close(at_nonzeros(dense, rows, columns), whole)


def test_gradients_are_exact(features):
    _, sparse = features
    weight = torch.rand(3, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(len(nonzeros(sparse)), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda weight, mask: features_times(sparse, weight, mask), (weight, mask))
    rows = torch.rand(6, 4, dtype=torch.float64, requires_grad=True)
    columns = torch.rand(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda rows, columns: at_nonzeros(sparse, rows, columns), (rows, columns))
