"""Data modules for graph networks: nodes, edges or whole graphs, read by torch_geometric (extra ``graph``)."""
