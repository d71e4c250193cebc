"""Bad options and configuration files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from tests.reliability.attempts import DIGITS, BadInput, wrote
from tests.small_world import FEW_PICTURES, LISTED, write_graph

SCENES = (
    *("fit", "--config", str(Path(__file__).parents[2] / "lightning_configs" / "scenes" / "shield.yaml")),
    *("--data.graph", "graph.yaml", "--data.listed", json.dumps(LISTED), *FEW_PICTURES, "--data.batch_size", "8"),
    *("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.max_epochs", "1"),
    *("--audit.attacks", "none"),  # a search takes ten times as long as the run
)


def option(*words: str, message: str) -> BadInput:
    """An input of the digits that is an option alone."""
    return BadInput(" ".join(words)[:80], (*DIGITS, *words), message)


def config(name: str, content: str | bytes, message: str) -> BadInput:
    """A configuration file after the usual one."""
    return BadInput(name, (*DIGITS, "--config", "more.yaml"), message, wrote("more.yaml", content))


def scenes(*words: str, message: str) -> BadInput:
    """An input of the small world that is an option alone."""
    return BadInput(f"scenes {' '.join(words)}"[:80], (*SCENES, *words), message, write_graph)


@contextmanager
def offline() -> Iterator[None]:
    """No network, and nothing downloaded before."""
    cache = mock.patch("huggingface_hub.constants.HF_HUB_CACHE", "cache")
    with cache, mock.patch.dict("os.environ", {"HF_HUB_OFFLINE": "1"}):
        yield


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
OPTIONS = [
    option("--model.updatee", "all", message="unknown option --model.updatee: did you mean --model.update?"),
    option("--trainer.max_epoch", "1", message="unknown option --trainer.max_epoch: did you mean --trainer.max_epochs"),
    option("--trainer.max_epochs", "many", message='"trainer.max_epochs": expected int or null, got many'),
    option("--model.forget_weight", "heavy", message='"forget_weight": Expected a float. Got value: heavy'),
    option("--model.retain", "maybe", message="'ce', 'distill', 'none'"),
    option("--model", "RWFTT", message="unknown method 'RWFTT' for model; known: AMUN, BadTeacher, BoundaryExpand"),
    option("--data", "Digitz", message="unknown data set 'Digitz' for data; known: .*CIFAR10, CIFAR100, CLEAR, Digits"),
    option("--model.network", "Foo", message="unknown network 'Foo' for network; known: OpenCLIP, ResNet18, SmallCNN, VGG19BN"),
    option("--model.network", "oro_unlearn.networks.Foo", message="unknown network 'Foo'"),
    option("--config", "nope.yaml", message="configuration file nope.yaml not found"),
    option("--data.forget", "[cat]", message="forget class 'cat' does not exist; the classes are 0, 1, 2"),
    option("--data.forget", "[10]", message="forget class '10' does not exist"),
    option("--data.forget", "[-1]", message="forget class '-1' does not exist"),
    option("--data.forget", "[008]", message="forget class '008' does not exist"),
    option("--data.forget", "null", message="forget class 'null' does not exist"),
    option("--data.forget", "[yes]", message="forget class 'yes' does not exist"),
    option("--data.forget_index", "[10]", message="--data.forget_index 10 is not a class: there are 10, 0 to 9"),
    option("--data.forget_index", "[-1]", message="--data.forget_index -1 is not a class"),
    option("--data.forget_index", "[1.0]", message="forget_index"),
    option("--data.forget_index", "[yes]", message="forget_index"),
    option("--data.forget", "[" + "9" * 5000 + "]", message="forget class .* does not exist"),
    option("--data.forget", "[²]", message="forget class '²' does not exist"),
    option("--data.forget", "[nan]", message="forget class 'nan' does not exist"),
    option("--data.forget", "[8.0]", message="forget"),
    option("--data.forget", "[[8]]", message="forget"),
    option("--data.forget", "[\u202e8]", message="forget class '.*8' does not exist"),
    option("--data.forget", "[]", message="no class is named, and RWFT forgets whole classes"),
    option("--data.forget", "[0,1,2,3,4,5,6,7,8,9]", message="all 10 classes are to be forgotten"),
    option("--data.forgotten", "[cat]", message="forgotten class 'cat' does not exist"),
    option("--model.update", "[layer9]", message=r"names no layer 'layer9'; the network's layers are \['layer1'"),
    option("--data.channels", "3", message="the network reads 1-channel images and the data has 3"),
    option("--data.channels", "2", message="channels must be 1"),
    option("--data.holdout", "1.5", message="--data.holdout is a share"),
    option("--data.holdout", ".nan", message="--data.holdout is nan: give it a finite number"),
    option("--data.per_class", "-1", message="never negative"),
    option("--data.batch_size", "0", message="batch_size"),
    option("--data.batch_size", "-8", message="batch_size"),
    option("--data.batch_size", "1.5", message='"batch_size": Expected a int|"batch_size": [Ee]xpected'),
    option("--data.batch_size", "9" * 30, message="--data.batch_size is 9+: give it a number below"),
    option("--data.crop_padding", "-1", message="crop_padding"),
    option("--data.device_limit", ".nan", message="--data.device_limit is nan: give it a finite number"),
    option("--trainer.max_epochs", "-5", message="max_epochs"),
    option("--trainer.max_epochs", "9" * 400, message=r"--trainer.max_epochs is 9+(\.\.\.)?: give it a number below"),
    option("--trainer.max_steps", "-7", message="max_steps"),
    option("--trainer.limit_train_batches", "-1", message="limit_train_batches"),
    option("--trainer.gradient_clip_val", "much", message="gradient_clip_val"),
    option("--trainer.devices", "0", message="devices|gpus|CPU"),
    option("--trainer.accelerator", "abacus", message="abacus"),
    option("--trainer.strategy", "luck", message="luck"),
    option("--trainer.precision", "bf16-true", message="bf16-true .*use"),
    option("--trainer.precision", "8", message="precision"),
    option("--seed_everything", "-1", message="--seed_everything is a number from 0 to 4294967295, not -1"),
    option("--seed_everything", "9" * 40, message="--seed_everything is 9+: give it a number below"),
    option("--model.optimizer", "torch.optim.Hope", message="Hope"),
    option("--model.optimizer", "os.system", message="os.system|optimizer"),
    option("--model.optimizer.lr", "-0.1", message="Invalid learning rate|lr"),
    option("--model.optimizer.lr", ".nan", message="--model.optimizer.lr is nan: give it a finite number"),
    option("--model.optimizer.lr", "1e999", message="--model.optimizer.lr is inf: give it a finite number"),
    option("--model.optimizer.momentum", ".nan", message="--model.optimizer.momentum is nan"),
    option("--model.forget_weight=-.inf", message="--model.forget_weight is -inf"),
    option("--model.optimizer.lr", "1e30", "--trainer.limit_train_batches", "5", message="RWFT diverged in epoch 0"),
    option("--model.cache_limit", "-1", message="must not be negative"),
    option("--model.network.init_args.width", "0", message="width|another architecture|larger"),
    option("--model.network.init_args.width", "-4", message="sizes of 1 or more"),
    BadInput("no method", ("fit",), "model"),
    BadInput("no command", (), "no command: begin with one of fit, test"),
    BadInput("an unknown command", ("train",), "'train'"),
]
CONFIG_FILES = [
    config("empty", "", "more.yaml|empty|mapping|[Ee]xpected"),
    config("a list", "- a\n- b\n", "more.yaml|[Uu]nable|config"),
    config("a text", "just words\n", "more.yaml|[Uu]nable|config|File"),
    config("no YAML", "trainer: [\n", "more.yaml|[Pp]roblems? (parsing|with)|config"),
    config("a tab", "trainer:\n\tmax_epochs: 1\n", "more.yaml|tab|\\\\t|config"),
    config("an unknown part", "trainr: {max_epochs: 1}\n", "trainr"),
    config("an unknown option", "trainer: {max_epoch: 1}\n", "max_epoch"),
    config("NUL bytes", b"trainer: {max_epochs: \x001}\n", "more.yaml|special characters|config"),
    config("no UTF-8", b"trainer: {max_epochs: 1} # \xff\xfe\n", "more.yaml|utf-8|UTF-8"),
    config("UTF-16", "trainer: {max_epochs: 1}\n".encode("utf-16"), "more.yaml|utf-8|UTF-8"),
    config(
        "code in YAML", "x: !!python/object/apply:os.system ['touch code_ran']\n", "more.yaml|constructor|python/object|config"
    ),
    config("code in an option", "trainer: {max_epochs: !!python/object/apply:os.system ['touch code_ran']}\n", "python/object"),
    config("code in a name", "trainer: {max_epochs: !!python/name:os.system }\n", "python/name"),
    config(
        "a key twice",
        "trainer: {max_epochs: 1, max_epochs: 2}\n",
        "more.yaml:1: not valid YAML: 'max_epochs' is given twice, first on line 1",
    ),
    config("aliases of aliases", BOMB, r"more.yaml:\d+: not valid YAML: aliases stand for more than 100000 values"),
    config("a bomb as an option", BOMB + "data: {init_args: {forget: *j}}\n", "aliases stand for more than"),
    config(
        "a list that holds itself",
        "data: {init_args: {forget: &a [*a]}}\n",
        "more.yaml:1: not valid YAML: a list or mapping holds itself",
    ),
    config(
        "an infinite number",
        "model: {init_args: {forget_weight: .inf}}\n",
        "--model.forget_weight is inf: give it a finite number",
    ),
    config("NaN in a list", "model: {init_args: {optimizer: {init_args: {lr: .NaN}}}}\n", "--model.optimizer.lr is nan"),
    config("a text as the trainer", "trainer: fast\n", "trainer"),
    config("nothing as the model", "model: null\n", "model"),
    config("a number as the model", "model: 5\n", "model"),
    config("deep nesting", "trainer: " + "[" * 3000 + "]" * 3000 + "\n", "more.yaml|nest|deep|config"),
    config("itself", "config: more.yaml\n", "Config file loop detected"),
    config(
        "a callback of another place",
        "trainer: {callbacks: [{class_path: os.system, init_args: {command: touch code_ran}}]}\n",
        "callbacks",
    ),
    config("a direction mark", "trainer: {max_epochs: \u202e1}\n", "max_epochs"),
    BadInput("a folder as the configuration", (*DIGITS, "--config", "out"), "out|File"),
    BadInput(
        "a BOM before a configuration",
        (*DIGITS, "--config", "more.yaml"),
        "RWFT",
        wrote("more.yaml", "\ufefftrainer: {max_epochs: 1}\n"),
        works=True,
    ),
]
RELATIONS = [
    scenes("--model.push", "shove", message=r'"push": Expected one of \[\'cosine\', \'target\', .*\]. Got value: shove$'),
    scenes("--model.tau", "high", message="\"tau\": expected float or 'unrelated' or 'mismatched', got high"),
    scenes("--model.tau", ".inf", message="--model.tau is inf: give it a finite number"),
    scenes("--model.tau", ".nan", message="--model.tau is nan: give it a finite number"),
    scenes("--model.alpha", ".nan", message="--model.alpha is nan"),
    scenes("--model.alpha", "-1", message="--model.alpha: weights are 0 or more"),
    scenes("--model.lora_rank", "0", message="rank must be 1 or more"),
    scenes("--model.lora_alpha", ".nan", message="lora_alpha"),
    scenes("--model.warmup", ".nan", message="warmup"),
    scenes("--data.batch_size", "0", message="batch_size is a number of pairs"),
    scenes("--data.forget", "child eating stone", message="unknown object 'stone' in 'child eating stone'"),
    scenes("--data.forget", "[dog eating ball]", message="'dog eating ball' cannot be forgotten"),
    scenes("--data.forget", "word " * 5000, message="is not a relation"),
    scenes("--data.forgotten", "[dog eating ball]", message="does not allow 'dog eating ball'"),
    scenes("--data.listed", "{subject: -1}", message="listed gives a number"),
    scenes("--model.towers", "audio", message=r'"towers": Expected one of \[.*\]. Got value: audio$'),
    scenes("--model.optimizer.lr", "fast", message='"lr": expected float or Tensor, got fast$'),
    scenes("--model.vocab_captions", "1", message="no safe captions to draw: raise vocab_captions"),
    scenes("--data.forget", "child kissing dog", message="unknown relation 'kissing'|is not a relation"),
    scenes("--model", "PushOnlyy", message="unknown method 'PushOnlyy' for model; known: AMUN, BadTeacher, BoundaryExpand"),
    scenes("--model.network", "SmallCNN", message="unsuitable network 'SmallCNN' for network; known: OpenCLIP, ResNet18"),
    scenes("--model.network", "oro_unlearn.networks.SmallCNN", message="Expected .* to be a subclass of OpenCLIP"),
    scenes(
        "--model.network.init_args.nam",
        "x",
        message="unknown option --model.network.init_args.nam: did you mean --model.network.name",
    ),
    scenes("--trainer.precision", "bf16-true", message="bf16-true .*use"),
    BadInput(
        "scenes, weights that would have to be downloaded",
        (*SCENES, "--model.network.init_args.name", "ViT-B-32-quickgelu", "--model.network.init_args.pretrained", "openai"),
        r"not here, and cannot be downloaded \(HF_HUB_OFFLINE is set\); download https://.*safetensors elsewhere",
        write_graph,
        offline,
    ),
    option("--model", "Pretraining", message="Pretraining is for relations, and Digits has none"),
    option("--data", "Scenes", message="the number of classes is not known"),
    option("--model.network", "OpenCLIP", message="OpenCLIP takes no num_classes: choose a classifier with --model.network"),
    scenes("--data.withheld", "2", message="withheld is a part"),
    scenes("--data", "Digits", message="RelationUnlearning is for relations, and Digits has none: choose --data Scenes"),
]
KINDS = {"options": OPTIONS, "configuration files": CONFIG_FILES, "options of relations": RELATIONS}
