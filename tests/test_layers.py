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
    "data": {"graph", "networks", "report"},
    "audit": {"attacks", "metrics", "networks"},
    "methods": {"metrics", "networks", "attacks"},
    "report": {"audit"},
    "ledger": {"report"},
    "risk": {"graph", "networks", "report"},
    "cli": {"attacks", "audit", "data", "graph", "ledger", "methods", "metrics", "networks", "report", "risk"},
    "compare": {"attacks", "audit", "cli", "data", "metrics", "networks", "report"},
}
BY_ALL = {"files", "user_error", "__version__"}  # what every folder may import
TYPES = {"methods": {"oro_unlearn.data.contract"}}  # modules that a folder may import for the type checker alone


def for_types(node: ast.AST) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(tree: ast.AST) -> set[str]:
    """Modules of ours that a tree imports from."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            names += [
                f"{node.module}.{alias.name}" if node.module == "oro_unlearn" else str(node.module) for alias in node.names
            ]
    return {name for name in names if name.startswith("oro_unlearn.")}


HEAVY = {"sklearn", "open_clip", "peft", "transformers", "matplotlib", "networkx", "jsonschema", "huggingface_hub"}
HEAVY |= {"torch_geometric"}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("**/*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way_and_heavy_libraries_are_imported_where_they_are_used(path):
    """Inside functions: a module's own imports are paid for by every command."""
    tree = ast.parse(path.read_text())
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [getattr(node, "module", None) or alias.name for node in statements for alias in node.names]
    used = {"torch_geometric"} if path.name == "explaining.py" else set()  # derives from its classes, imported where used
    assert not (HEAVY - used) & {name.split(".")[0] for name in names}
    folder = path.relative_to(PACKAGE).parts[0]
    if folder == path.name:  # beside the folders
        return
    may = MAY_IMPORT[folder] | BY_ALL | {folder}
    typed = {name for node in ast.walk(tree) if for_types(node) for name in imported(node)}
    assert {name.split(".")[1] for name in typed - TYPES.get(folder, set())} <= may
    for node in filter(for_types, ast.walk(tree)):
        node.body = []
    assert {name.split(".")[1] for name in imported(tree)} <= may


def test_a_contract_is_read_without_the_data():
    """But for the folder's own ``__init__``: what is imported for types alone stays out."""
    tree = ast.parse((PACKAGE / "data" / "contract.py").read_text())
    names = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert names == {"__future__", "collections.abc", "typing", "oro_unlearn.user_error"}


def test_the_package_alone_imports_nothing_heavy():
    """Nor does its plugin, which pytest imports wherever the package is installed."""
    code = "import oro_unlearn.cli.pytest_plugin, sys; assert not {'torch', 'numpy', 'lightning', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


EARLY = HEAVY - {"transformers", "huggingface_hub", "matplotlib"}


def test_methods_need_no_data_and_the_command_line_nothing_heavy():
    """But what torchmetrics imports, where it is installed. One process: to import PyTorch takes seconds."""
    of_data = "[name for name in sys.modules if name.startswith('oro_unlearn.data')]"
    code = f"import oro_unlearn.methods, sys; print(*{of_data}); "
    code += f"import oro_unlearn.cli.unlearning_cli; print(*{EARLY} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n\n"
