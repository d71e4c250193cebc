"""A multimodal language model that is trained or edited, and then asked about people."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.optim import AdamW, Optimizer

from oro_unlearn.methods.loss_history import LossHistory
from oro_unlearn.methods.personas.answer_evaluation import AnswerEvaluation
from oro_unlearn.methods.personas.plain_copy import plain_copy
from oro_unlearn.networks import Question, QuestionCollator, VisionLanguage, save_weights
from oro_unlearn.networks.adapter_files import write_adapter
from oro_unlearn.networks.vision_language.forecast import Trained, memory_lines
from oro_unlearn.networks.vision_language.trained_towers import require_trainable_type, train_towers
from oro_unlearn.user_error import UserError

if TYPE_CHECKING:
    from oro_unlearn.data.contract import PersonaData

FOLDER = "huggingface"  # of a run: the model as transformers saves it
LOOKED_AT = 8  # questions whose length tells the memory of training
Rows = Sequence[tuple[int, Question]]  # positions in a split, and the questions there


class Asked(NamedTuple):
    """A batch of questions with their answers, as the model reads them."""

    inputs: dict[str, Tensor]  # of VisionLanguage.collate, with "labels"
    index: Tensor  # type: ignore[assignment]  # (B,) int64, position in the split


class MultimodalModel(LossHistory):
    """A multimodal language model, its learning rate schedule, and its measurement.

    Every model is asked the same questions: those of ``data.measured``.

    Args:
        network: Constructor of the model, such as :class:`oro_unlearn.networks.VisionLanguage`.
        optimizer: Makes the optimizer from the trained parameters.
        schedule: Learning rate schedule, updated at every step: ``cosine`` to ``final_lr``, or ``constant``.
        warmup: Fraction of the steps in which the learning rate rises from 0.
        final_lr: End of the cosine, as a fraction of the learning rate.
        loader_mode: As in :class:`UnlearningModule`.
        max_new_tokens: Most tokens of an answer.
        lora_rank: Rank of LoRA adapters that are trained in place of the weights. 0: the weights are trained.
        lora_alpha: Scale of the adapters; an update is multiplied by lora_alpha / lora_rank.
        lora_dropout: Dropout probability in the adapters.
        towers: What trains: ``text`` (the language model, and what joins it to the vision tower), ``vision`` or ``both``.

    Raises:
        UserError: If a number is out of range.
    """

    report_module = "oro_unlearn.report.persona_report"
    batch_type: Any = Asked
    takes_adapters = True  # False: the method changes weights, and adapters would be without effect

    def __init__(
        self,
        network: Callable[[], VisionLanguage] = VisionLanguage,
        optimizer: OptimizerCallable = lambda params: AdamW(params, lr=1e-4, weight_decay=0.0),
        schedule: Literal["cosine", "constant"] = "cosine",
        warmup: float = 0.05,
        final_lr: float = 0.0,
        loader_mode: Literal["max_size_cycle", "min_size"] = "max_size_cycle",
        max_new_tokens: int = 32,
        lora_rank: int = 0,
        lora_alpha: int = 16,
        lora_dropout: float = 0.0,
        towers: Literal["text", "vision", "both"] = "both",
    ) -> None:
        super().__init__(optimizer=optimizer, loader_mode=loader_mode)
        if not (0 <= warmup <= 1 and 0 <= final_lr <= 1):
            raise UserError(f"--model.warmup and --model.final_lr are parts in [0, 1], not {warmup} and {final_lr}")
        if max_new_tokens < 1:
            raise UserError(f"--model.max_new_tokens is a number of tokens, at least 1, not {max_new_tokens}")
        if lora_rank < 0 or lora_alpha < 1 or not 0 <= lora_dropout < 1:
            raise UserError(
                f"--model.lora_rank {lora_rank}, lora_alpha {lora_alpha} and lora_dropout {lora_dropout}: give a rank of 0 or "
                "more, a scale of 1 or more, and a probability in [0, 1)"
            )
        if lora_rank and not self.takes_adapters:
            raise UserError(f"{type(self).__name__} changes weights and trains no adapters: set --model.lora_rank 0")
        if towers not in ("text", "vision", "both"):
            raise UserError(f"--model.towers is text, vision or both, not {towers!r}")
        self.lora_rank, self.lora_alpha, self.lora_dropout, self.towers = lora_rank, lora_alpha, lora_dropout, towers
        self.make_network = network
        self.network: Any = None
        self.schedule, self.warmup, self.final_lr, self.max_new_tokens = schedule, warmup, final_lr, max_new_tokens
        self.measurements: dict[str, Any] = {}

    @property
    def data(self) -> "PersonaData":
        """The trainer's data module."""
        return cast("PersonaData", super().data)

    def check_data(self, data: Any) -> None:
        """Reject data without people.

        Raises:
            UserError: If the data module has no questions about people.
        """
        if "persons" not in dir(data):
            kinds = f"{type(self).__name__} is for questions about people, and {type(data).__name__} has none"
            raise UserError(f"{kinds}: choose --data Personas, CLEAR, MLLMUBench or PersonaFile")

    def setup(self, stage: str) -> None:
        """Load the model once: ``test`` after ``fit`` must use the edited weights."""
        if self.network is None:
            self.network = self.make_network()
            self.choose_parameters()

    def choose_parameters(self) -> None:
        """Choose what is trained, or add adapters; called once, after the model is loaded."""
        if self.lora_rank:
            self.network.add_lora(self.lora_rank, self.lora_alpha, self.lora_dropout, self.towers)
            return
        if self.train_splits:
            require_trainable_type(self.network)
        train_towers(self.network, self.towers)

    def configure_model(self) -> None:
        """Let a process train on questions without pictures while another has some: DDP must wait for no gradient."""
        strategy = self.trainer.strategy
        if isinstance(strategy, DDPStrategy):
            strategy._ddp_kwargs.setdefault("find_unused_parameters", True)

    def before_loading(self) -> list[str]:
        """The memory that training takes, if the model is large: its weights need not be there."""
        options = getattr(self.make_network, "keywords", {})  # as the command line gives them
        if "name" not in options or not self.train_splits:
            return []
        questions = self.data.split(self.train_splits[-1])
        some = [questions[row] for row in torch.linspace(0, len(questions) - 1, min(len(questions), LOOKED_AT)).long().tolist()]
        step = len(self.train_splits) * self.data.batch_size // self.trainer.world_size
        return memory_lines(options, some, self.trained, self.lora_rank or 1, step, self.copies()) if some else []

    @property
    def trained(self) -> Trained:
        """What the optimizer gets."""
        return "lora" if self.lora_rank else "all"

    def first_look(self) -> list[str]:
        """Check that the model can read all questions, those to measure on too: it must not fail after training.

        Raises:
            UserError: If a text is too long, or has a mark of the tokenizer.
        """
        for part in (*(self.data.split(name) for name in self.train_splits), *self.data.measured.values()):
            keys = zip(part.questions, part.pictures, strict=True)
            self.network.collator.check([question._replace(image=key) for question, key in keys])
        return super().first_look()

    def copies(self) -> int:
        """Number of frozen models beside the one that is trained."""
        return 0

    def scheduler(self, optimizer: Optimizer) -> Any:
        """Schedule from ``schedule``, ``warmup`` and ``final_lr``, updated at every step."""
        otherwise = "--model.schedule constant and --model.warmup 0"
        return self.over_the_run(optimizer, self.schedule, otherwise, rising=self.warmup, end=self.final_lr)

    # -- batches

    def collate(self, split: str) -> Callable[[Rows], tuple[dict[str, Tensor], Tensor]]:
        """Makes the batches of a split; the data module's loaders call it."""
        return partial(collated, self.network.collator, self.taught_answer(split))

    def taught_answer(self, split: str) -> Callable[[int, Question], Question] | None:
        """A change of the answers that a split teaches, from the position in the split and the question. None: no change."""
        return None

    def answer_losses(self, asked: Asked) -> Tensor:
        """Mean negative log-likelihood (B,) of each answer's tokens."""
        return self.counted(self.network.answer_losses(asked.inputs), len(asked.index))

    # -- checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Of a model with adapters, store only these."""
        super().on_save_checkpoint(checkpoint)
        if self.lora_rank:
            adapters = self._adapter_names()
            checkpoint["state_dict"] = {name: value for name, value in checkpoint["state_dict"].items() if name in adapters}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let the frozen weights stay as they are if the checkpoint holds adapters: those of 4 bits cannot be loaded.

        Raises:
            UserError: If the checkpoint has other adapters.
        """
        super().on_load_checkpoint(checkpoint)
        if self.lora_rank:
            different = self._adapter_names() ^ checkpoint["state_dict"].keys()
            if different:
                raise UserError(
                    "the checkpoint of --ckpt_path belongs to another method or network: one of the two has no weights "
                    f"{min(different)}; continue with the configuration that the run began with"
                )
            self.strict_loading = False

    def _adapter_names(self) -> set[str]:
        return {name for name, parameter in self.named_parameters() if parameter.requires_grad}

    # -- measuring

    def models(self) -> dict[str, Any]:
        """Networks to ask, by role."""
        return {self.role: self.network}

    def on_test_start(self) -> None:
        """Start the evaluation."""
        sets = list(self.data.measured)
        self._evaluation = AnswerEvaluation(self.models(), sets, self.data, self.max_new_tokens).to(self.device)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        """Ask every model the questions of a batch."""
        with torch.autocast(self.device.type, enabled=False):
            self._evaluation.ask(batch)

    def on_test_epoch_end(self) -> None:
        """Collect ``measurements``: figures by model, answers, and losses."""
        metrics, answers = self._evaluation.figures()
        losses = {name: [float(step[name]) for step in self.history] for name in self.terms()}
        self.measurements = {"metrics": metrics, "answers": answers, "asked": self._evaluation.asked(), "losses": losses}
        del self._evaluation

    def write(self, root: Path, notes: dict[str, Any] | None = None) -> None:
        """Write ``model.safetensors``, and a folder that plain transformers loads; of adapters, ``adapter/`` for peft too.

        Adapters on weights of 4 bits cannot be merged: then there is ``adapter/`` alone.
        """
        if self.lora_rank:
            write_adapter(self.network.model, root / "adapter", {"architecture": Path(self.network.architecture).name})
        if self.network.in_4bit:
            return
        plain = self.plain_network()
        save_weights(plain.model, root / "model.safetensors", notes)
        plain.save(root / FOLDER)

    def plain_network(self) -> Any:
        """The network with its training in ordinary weights."""
        return plain_copy(self.network) if self.lora_rank else self.network


def collated(
    collator: QuestionCollator, change: Callable[[int, Question], Question] | None, rows: Rows
) -> tuple[dict[str, Tensor], Tensor]:
    """The batch of some questions, on the CPU.

    Args:
        collator: Of a ``VisionLanguage``.
        change: Changes each question before it is read; see :meth:`MultimodalModel.taught_answer`.
        rows: Positions and questions.
    """
    questions = [change(position, question) if change else question for position, question in rows]
    return collator.collate(questions), torch.tensor([position for position, _ in rows])
