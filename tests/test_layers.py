"""Who may import whom, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import oro_unlearn

PACKAGE = Path(oro_unlearn.__file__).parent
MAY_IMPORT = {
    "graph": set(),
    "networks": set(),
    "metrics": set(),
    "attacks": {"metrics", "networks"},
    "data": {"graph", "networks"},
    "audit": {"attacks", "metrics", "networks"},
    "methods": {"metrics", "networks", "attacks"},
    "report": set(),
    "cli": {"attacks", "audit", "data", "graph", "methods", "metrics", "networks", "report"},
    "compare": {"attacks", "audit", "cli", "data", "metrics", "networks", "report"},
}
BY_ALL = {"files", "user_error", "__version__"}  # what every folder may import


def imported(path: Path) -> set[str]:
    """Folders of ours that a file imports from."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("oro_unlearn.")}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    folder = path.relative_to(PACKAGE).parts[0]
    assert imported(path) <= MAY_IMPORT[folder] | BY_ALL | {folder}


def test_the_package_alone_imports_nothing_heavy():
    code = "import oro_unlearn, sys; assert not {'torch', 'numpy', 'lightning'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


HEAVY = {"sklearn", "open_clip", "peft", "transformers", "matplotlib", "networkx", "jsonschema", "huggingface_hub"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("**/*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_where_they_are_used(path):
    """Inside functions: a module's own imports are paid for by every command."""
    statements = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [getattr(node, "module", None) or alias.name for node in statements for alias in node.names]
    assert not HEAVY & {name.split(".")[0] for name in names}


EARLY = HEAVY - {"transformers", "huggingface_hub", "matplotlib"}


def test_the_command_line_imports_nothing_heavy():
    """But what torchmetrics imports, where it is installed."""
    code = f"import oro_unlearn.cli.unlearning_cli, sys; print(*{EARLY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
