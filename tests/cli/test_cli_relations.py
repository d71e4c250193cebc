"""The command line with relational methods: what it refuses, and what it says."""

import pytest
import yaml

from oro_unlearn.cli import main


def test_measuring_needs_a_run(run, relational):
    code, error = run("test", *relational("--trainer.default_root_dir", "out"))
    assert code == 2
    assert "nothing to measure: out/model.ckpt not found; run fit first" in error


@pytest.mark.parametrize("forget", ["child eating apple", "[child eating apple, dog holding ball]"])
def test_what_is_forgotten_is_printed_as_it_was_given(forget, relational, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", *relational("--data.forget", forget, "--print_config")])
    assert stop.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["data"]["init_args"]["forget"] == yaml.safe_load(forget)
    assert not {"num_classes", "forget_classes"} & set(printed["model"]["init_args"])
