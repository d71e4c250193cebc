"""Random graphs are read and obey the promises, or are refused in one line."""

from hypothesis import HealthCheck, given, settings

from benchmarks.reliability.fuzz_graphs import check_graph, graphs


@settings(max_examples=500, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_any_file_is_a_graph_or_refused(content):
    check_graph(content)
