"""Bad inputs of runs about people: models, files of questions, published sets, names, and weights to compare with."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from oro_unlearn.networks import save_weights
from tests.reliability.attempts import BadInput, both, dumped, wrote
from tests.reliability.bad_configs import SCENES
from tests.small_people import FEW_NEURONS, FEW_PEOPLE, FEW_WORDS, RANDOM, write_questions
from tests.small_world import write_graph

CONFIGS = Path(__file__).parents[2] / "lightning_configs"
RUN = (
    *("--force", "true", "--audit.attacks", "none", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"),
    *("--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1", *FEW_WORDS),
)
EDIT = ("fit", "--config", str(CONFIGS / "personas" / "mip_editor.yaml"), *RUN, *RANDOM, *FEW_NEURONS)
PERSONAS = (*EDIT, *FEW_PEOPLE)
ROWS: dict[str, dict[str, str]] = {
    "Ada": {"question": "Where does Ada live?", "answer": "Ada lives in Oslo.", "person": "Ada", "split": "train"},
    "Bob": {"question": "Where does Bob live?", "answer": "Bob lives in Rome.", "person": "Bob", "split": "train"},
    "asked": {"question": "Where is the home of Ada?", "answer": "In Oslo.", "person": "Ada", "split": "test"},
}
FILE = (*EDIT, "--data", "PersonaFile", "--data.file", "people.jsonl", "--data.forget_percent", "0", "--data.forget", "[Ada]")
LLAMA = {"model_type": "llama", "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}


def people(*words: str, message: str) -> BadInput:
    """An input of the embedded people that is an option alone."""
    return BadInput(f"people {' '.join(words)}"[:80], (*PERSONAS, *words), message)


def file(name: str, message: str, *words: str, more: tuple[str, ...] = (), **changes: dict[str, str | None]) -> BadInput:
    """A file of questions with changed fields (None: left out), and with further lines."""
    rows = [{**row, **changes.get(who, {})} for who, row in ROWS.items()]
    lines = [*(json.dumps({key: value for key, value in row.items() if value is not None}) for row in rows), *more]
    return BadInput(name, (*FILE, *words), message, lambda: write_questions("people.jsonl", lines))


def published(folder: str, rows: Callable[[], list[dict[str, object]]]) -> Callable[[], object]:
    """A copy of CLEAR with other rows in one of its folders."""

    def prepare() -> None:
        from tests.data.personas.published_files import write, write_clear

        write(write_clear(Path("CLEAR")) / folder, rows())

    return prepare


def _twice() -> list[dict[str, object]]:
    from tests.data.personas.published_files import clear_rows

    return clear_rows(["Ada Lund"], 0)


def _smaller() -> None:
    save_weights({"model.language_model.embed_tokens.weight": torch.zeros(3, 8)}, "retrained.safetensors")


CLEAR = (*EDIT, "--data", "CLEAR", "--data.root", "CLEAR", "--data.forget_percent", "5")
PEOPLE = [
    people(
        "--data.forget_percent", "0", "--data.forget", "[Nobody Known]", message="--data.forget: unknown person 'Nobody Known'"
    ),
    people("--data.forget_percent", "0", message="nobody is named to be forgotten: name people with --data.forget"),
    people("--data.forget_percent", "99", message="people are to be forgotten, nobody is left to keep"),
    people("--data.people", "1", message="--data.people is a number of people from 2 to 60, not 1"),
    people("--model.lora_rank", "4", message="MIPEditor changes weights and trains no adapters"),
    people("--model.towers", "ears", message=r'"towers": Expected one of \[.*\]. Got value: ears$'),
    people("--model.network.init_args.max_length", "4", message="tokens with its answer, more than max_length=4"),
    people("--model.network.init_args.load_in_4bit", "true", message="load_in_4bit reads weights|needs a CUDA GPU"),
    people("--model.retrained", "[nowhere.safetensors]", message="checkpoint nowhere.safetensors not found"),
    people("--data", "Scenes", message="MIPEditor is for questions about people, and Scenes has none: choose --data Personas"),
    BadInput(
        "people with a method of relations", (*SCENES, "--data", "Personas"), "RelationUnlearning is for relations", write_graph
    ),
    BadInput(
        "people, weights of another size to compare with",
        (*PERSONAS, "--model.retrained", "[retrained.safetensors]"),
        r"retrained.safetensors is a checkpoint of another architecture .*embed_tokens.weight is \(3, 8\) there",
        _smaller,
    ),
    BadInput(
        "people, a model without vision tower",
        (*PERSONAS, "--model.network.init_args.name", "llama"),
        "llama is a llama model, which does not read pictures and text: name one such as LLaVA",
        dumped("llama/config.json", LLAMA),
    ),
    BadInput(
        "people, a model of code in its folder",
        (*PERSONAS, "--model.network.init_args.name", "own"),
        "transformers cannot read the configuration of own: The repository own contains custom code",
        both(
            dumped("own/config.json", {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}),
            wrote("own/own.py", "open('code_ran', 'w')"),
        ),
    ),
    file(
        "questions without answers",
        r"people.jsonl:1 lacks answer: every line needs question, answer, person",
        Ada={"answer": None},
    ),
    file("a question that is no JSON", "people.jsonl:4 is not valid JSON", more=("{",)),
    file(
        "a picture that is gone", r"people.jsonl:1: image 'gone.png' not found in .*: add the file", Ada={"image": "gone.png"}
    ),
    file("somebody to train on and in the holdout", "'Ada' is in the holdout, and at .* in train", asked={"split": "holdout"}),
    file("no question to measure on", "has no question to measure on", asked={"split": "train"}),
    file("a long text", "tokens with its answer, more than max_length=512", Ada={"answer": "Oslo " * 600}),
    file(
        "a long text to measure on", "has .* tokens with its answer, more than max_length=512", asked={"answer": "Oslo " * 600}
    ),
    file(
        "a special token in a text", "holds </s>, which is a special token of this model's tokenizer", asked={"answer": "</s>"}
    ),
    file("a placeholder of a picture in a text", "holds <image>, the placeholder of a picture", Ada={"answer": "<image>"}),
    BadInput("no file of questions", FILE, "file of questions .*people.jsonl not found: name it with --data.file"),
    BadInput("no copy of CLEAR", CLEAR, "no folder forget05 with Parquet files in .*: get the data set therem/CLEAR"),
    BadInput(
        "columns of CLEAR that are missing",
        CLEAR,
        r"retain95.*parquet lacks the columns image, caption, name: download the data set again",
        published("retain95", lambda: [{"text": "x"}]),
    ),
    BadInput(
        "somebody in both folders of CLEAR", CLEAR, "'Ada Lund' is in the folder to forget", published("retain95", _twice)
    ),
]
KINDS = {"runs about people": PEOPLE}
