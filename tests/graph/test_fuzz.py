"""Random graphs are read and obey the promises, or are refused in one line."""

from hypothesis import HealthCheck, given, settings

from oro_unlearn.graph import load_graph
from tests.reliability.fuzz_graphs import check_graph, graphs


@settings(max_examples=250, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_any_file_is_a_graph_or_refused(content):
    check_graph(content)


def test_a_first_article_may_be_a_name_and_may_be_written_twice(tmp_path):
    (tmp_path / "graph.yaml").write_text("objects: {the: , cat: , dog: }\nrelations: {near: }\n")
    graph = load_graph(tmp_path / "graph.yaml")
    assert graph.parse("the near dog") == ("the", "near", "dog")
    assert graph.parse("The a cat near a dog") == graph.parse("a cat near dog") == ("cat", "near", "dog")
