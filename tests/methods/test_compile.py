"""``compile``: what is compiled and how often, that nothing else is, and that the weights come out the same."""

from copy import deepcopy

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from oro_unlearn.data import Digits
from oro_unlearn.methods import RWFT, SCRUB, BoundaryExpand, CFk, FineTune, LogitMask, Training
from tests.methods.test_methods import FORGET, method

GRAPHS: list[torch.fx.GraphModule] = []


def counting(graph, inputs):
    """A backend that runs graphs as they are, and counts them."""
    GRAPHS.append(graph)
    return graph.forward


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    GRAPHS.clear()
    if "counting" not in torch.compiler.list_backends(exclude_tags=()):
        torch._dynamo.register_backend(counting, name="counting")
    yield
    torch._dynamo.reset()


class Counts(Callback):
    """Graphs that were compiled by the end of each epoch."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def on_train_epoch_end(self, trainer, pl_module) -> None:
        self.found.append(len(GRAPHS))


def fit(kind=Training, backend: str = "counting", epochs: int = 3, per_class: int = 15, **options):
    """Epochs of two full batches and a smaller one of the training set."""
    torch.manual_seed(0)
    module = method(kind, forget=[] if kind is Training else FORGET, compile=backend, **options)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", callbacks=[Counts()], **quiet)
    torch.manual_seed(0)
    trainer.fit(module, Digits(forget=module.forget_classes, per_class=per_class, batch_size=64))
    return module, trainer


def counts(trainer) -> list[int]:
    return next(callback for callback in trainer.callbacks if isinstance(callback, Counts)).found


def test_one_graph_for_the_run_and_none_for_the_test():
    module, trainer = fit()
    assert counts(trainer) == [1, 1, 1], "150 images: two batches of 64, which are compiled, and one of 22, which is not"
    trainer.test(module, trainer.datamodule, verbose=False)
    module.export()(torch.zeros(2, 1, 16, 16))
    assert len(GRAPHS) == 1


def test_the_weights_are_those_of_a_run_without():
    plain, compiled = (fit(backend=backend)[0].network.state_dict() for backend in ("", "counting"))
    assert len(GRAPHS) == 1, "the second"
    assert all(torch.allclose(value, compiled[name], rtol=1e-4, atol=1e-6) for name, value in plain.items())


def test_an_ahead_of_time_backend_differentiates_alike():
    plain, compiled = (fit(FineTune, backend, epochs=1)[0].network.state_dict() for backend in ("", "aot_eager"))
    assert not GRAPHS
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    assert all(torch.allclose(value, compiled[name], rtol=1e-3, atol=1e-5) for name, value in plain.items())


def test_the_compiled_form_is_no_part_of_the_model():
    module, _ = fit(RWFT)
    plain = method(RWFT)
    plain.setup("fit")
    assert GRAPHS
    assert list(module.state_dict()) == list(plain.state_dict())
    assert not any(isinstance(part, torch._dynamo.OptimizedModule) for part in module.modules())
    assert list(module.export().state_dict()) == list(plain.network.state_dict())
    images = torch.randn(2, 1, 16, 16)
    assert torch.equal(deepcopy(module).eval()(images), module.eval()(images))


def test_each_phase_is_compiled_once():
    """SCRUB reads one set in an epoch: here 30 images, then 120, of which the last 56 are a smaller batch."""
    _, trainer = fit(SCRUB, epochs=4)
    assert counts(trainer) == [1, 2, 2, 2]


def test_evaluation_before_a_step_is_not_compiled():
    module, _ = fit(RWFT, epochs=1)
    found = len(GRAPHS)
    module.eval()
    list(map(module, [batch.images for batch in module.batches("retain")]))
    assert len(GRAPHS) == found == 1


def test_a_method_without_steps_compiles_nothing():
    fit(LogitMask, epochs=0)
    assert not GRAPHS


def test_a_network_that_hooks_read_is_run_as_it_is():
    """A compiled form would go on writing to the first step's reader."""
    compiled, plain = (fit(BoundaryExpand, backend, batchnorm="eval")[0] for backend in ("counting", ""))
    assert not GRAPHS
    pairs = zip(compiled.network.parameters(), plain.network.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)


def test_the_tail_behind_cached_activations_is_compiled():
    runs = [fit(CFk, backend, per_class=16, cache="activations", trunk_statistics="keep")[0] for backend in ("counting", "")]
    assert len(GRAPHS) == 1
    assert next(iter(runs[0]._compiled)) is not runs[0].network
    assert torch.allclose(runs[0].network.fc.weight, runs[1].network.fc.weight, rtol=1e-4, atol=1e-6)


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match=r"--model.compile 'inductr' is not a backend of torch.compile; these are: .*inductor"):
        method(Training, compile="inductr")
