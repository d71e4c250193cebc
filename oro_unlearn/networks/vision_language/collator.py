"""Makes batches of questions: chat template, tokens, labels of the answers, pictures."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from oro_unlearn.files import one_line
from oro_unlearn.networks.vision_language.picture_packing import BY_ROW, COUNT, entries_per_picture, spread
from oro_unlearn.networks.vision_language.question import Question
from oro_unlearn.user_error import UserError

IGNORED = -100  # label of a token that no loss counts


class _Encoded(NamedTuple):
    """Prompts as the processor makes them: rows of tokens without padding, and tensors of pictures."""

    rows: list[dict[str, Tensor]]
    pictures: dict[str, Tensor]


class QuestionCollator:
    """Makes batches of questions for one model. It can be pickled, and holds no weights.

    Args:
        processor: The model's processor, of transformers.
        model_type: ``model_type`` of the model's configuration.
        end_tokens: Tokens that end an answer, the first of which is added where the chat template writes none.
        max_length: Most tokens of a question with its answer; the tokens of a picture do not count.

    Attributes:
        end_tokens: These, behind the mark with which the chat template ends an answer.
        marks: Special tokens, which no text may hold: the tokenizer would not read them as text.
        padding: The token that fills up a batch.
    """

    def __init__(self, processor: Any, model_type: str, end_tokens: Sequence[int], max_length: int) -> None:
        self.processor, self.by_row = processor, model_type in BY_ROW
        self.max_length, self.tokenizer = max_length, processor.tokenizer
        added = [str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        special = dict.fromkeys([*self.tokenizer.all_special_tokens, *added])
        self.marks = [mark for mark in special if mark[:1] in ("<", "[") and len(mark) > 2]
        self.end_tokens = tuple(dict.fromkeys([*self._template_end(), *end_tokens]))
        self.padding = next(token for token in (self.tokenizer.pad_token_id, *self.end_tokens, 0) if token is not None)

    def check(self, questions: Sequence[Question]) -> None:
        """Check that :meth:`collate` can read the texts of questions, with every answer that is scored.

        Args:
            questions: The questions. Anything but None may stand for a picture.

        Raises:
            UserError: If a text is too long, or holds the placeholder of a picture or a special token.
        """
        short = Question("a", "a", image="any")
        template = len(self.tokenizer(self._texts(short)[1])["input_ids"]) + len(self.end_tokens)
        for question in questions:
            answers = (question.answer, *question.options, *question.wrong)
            self._refuse_marks(question, answers)
            longest = max(answers, key=len)
            if template + len((question.question + longest).encode()) > self.max_length:  # a token has a byte or more
                for answer in answers:
                    one = question._replace(answer=answer)
                    self._answer(one, *self._texts(one))

    def _refuse_marks(self, question: Question, answers: Sequence[str]) -> None:
        text = "\n".join((question.question, *answers))
        found = next((mark for mark in self.marks if mark in text), None)
        if found:
            raise UserError(
                f"the question {one_line(question.question)!r} or an answer to it holds {found}, which is a special token of "
                "this model's tokenizer: remove it"
            )

    def collate(self, questions: Sequence[Question]) -> dict[str, Tensor]:
        """Questions with their answers, padded on the right.

        Args:
            questions: B questions, with or without picture.

        Returns:
            The model's inputs, ``labels`` (B, T) int64, -100 outside of the answer and its end token, and the counts of
            :mod:`~oro_unlearn.networks.vision_language.picture_packing`.

        Raises:
            UserError: If a text is too long, or holds the placeholder of a picture.
        """
        texts = [self._texts(question) for question in questions]
        encoded = self._encode(questions, [prompt for prompt, _ in texts])
        answers = [self._answer(question, *text) for question, text in zip(questions, texts, strict=True)]
        rows = []
        for row, answer in zip(encoded.rows, answers, strict=True):
            prompt = row["input_ids"]
            more = {name: torch.zeros(len(answer), dtype=tokens.dtype) for name, tokens in row.items()}
            more |= {"input_ids": answer, "attention_mask": torch.ones_like(answer)}
            longer = {name: torch.cat([tokens, more[name]]) for name, tokens in row.items()}
            rows.append({**longer, "labels": torch.cat([torch.full_like(prompt, IGNORED), answer])})
        return {**self._padded(rows, left=False), **encoded.pictures}

    def prompts(self, questions: Sequence[Question]) -> dict[str, Tensor]:
        """Questions without answers, padded on the left, for generation. As :meth:`collate`, without ``labels``."""
        encoded = self._encode(questions, [self._texts(question)[0] for question in questions])
        return {**self._padded(encoded.rows, left=True), **encoded.pictures}

    def _encode(self, questions: Sequence[Question], texts: list[str]) -> _Encoded:
        """Run the processor on the prompts that have a picture, and on those that have none."""
        rows: list[dict[str, Tensor]] = [{} for _ in questions]
        pictures: dict[str, Tensor] = {}
        seen = [number for number, question in enumerate(questions) if question.image is not None]
        unseen = [number for number, question in enumerate(questions) if question.image is None]
        if unseen:
            for number, row in zip(unseen, self._rows(self._run([texts[number] for number in unseen])), strict=True):
                rows[number] = row
        if seen:
            images = [questions[number].image for number in seen]
            found, tensors = self._with_pictures([texts[number] for number in seen], images)
            for number, row in zip(seen, found, strict=True):
                rows[number] = row
            pictures = self._packed(tensors, torch.tensor(seen), len(questions))
        names = dict.fromkeys(name for row in rows for name in row)
        blank = [{name: torch.zeros_like(row["input_ids"]) for name in names} for row in rows]
        return _Encoded([{**empty, **row} for empty, row in zip(blank, rows, strict=True)], pictures)

    def _with_pictures(
        self, texts: list[str], images: list[Any]
    ) -> tuple[list[dict[str, Tensor]], dict[str, tuple[Tensor, Tensor]]]:
        """Rows of tokens, and for each tensor of pictures its entries and how many of them belong to each row."""
        encoded = self._run(texts, images)
        pictures = _of_pictures(encoded)
        counts = entries_per_picture(pictures, len(images))
        if counts is not None:
            return self._rows(encoded), {name: (tensor, counts[name]) for name, tensor in pictures.items()}
        alone = [self._run([text], [image]) for text, image in zip(texts, images, strict=True)]
        parts = [_of_pictures(one) for one in alone]
        joined = {name: torch.cat([part[name] for part in parts]) for name in pictures}
        lengths = {name: torch.tensor([len(part[name]) for part in parts]) for name in pictures}
        return [self._rows(one)[0] for one in alone], {name: (joined[name], lengths[name]) for name in pictures}

    def _packed(self, pictures: dict[str, tuple[Tensor, Tensor]], seen: Tensor, number: int) -> dict[str, Tensor]:
        """The tensors of pictures as the family takes them, for a batch of ``number`` rows."""
        if self.by_row:
            return {name: spread(tensor, seen, number) for name, (tensor, _) in pictures.items()}
        tensors = {name: tensor for name, (tensor, _) in pictures.items()}
        return tensors | {COUNT + name: spread(count, seen, number) for name, (_, count) in pictures.items()}

    def _run(self, texts: list[str], images: list[Any] | None = None) -> dict[str, Any]:
        """Call the processor. Special tokens that the template wrote are not added again."""
        options: dict[str, Any] = {"images": [[image] for image in images]} if images else {}
        options["add_special_tokens"] = self._adds_tokens(texts[0])
        return dict(self.processor(text=texts, return_tensors="pt", padding=len(texts) > 1, **options))

    def _template_end(self) -> list[int]:
        """The special token with which the chat template ends an answer, if it writes one."""
        tokens = self.tokenizer(self._texts(Question("a", "a"))[1].rstrip(), add_special_tokens=False)["input_ids"]
        return [
            token for token in tokens[-1:] if token in self.tokenizer.all_special_ids and token != self.tokenizer.unk_token_id
        ]

    def _adds_tokens(self, text: str) -> bool:
        begin = self.tokenizer.bos_token
        return begin is None or not text.startswith(begin)

    def _rows(self, encoded: dict[str, Any]) -> list[dict[str, Tensor]]:
        """The tensors of tokens, row by row, without padding."""
        kept, shape = encoded["attention_mask"].bool(), encoded["input_ids"].shape
        names = [name for name, tensor in encoded.items() if tensor.shape == shape and not _is_picture(name)]
        return [{name: encoded[name][number][mask] for name in names} for number, mask in enumerate(kept)]

    def _padded(self, rows: list[dict[str, Tensor]], left: bool) -> dict[str, Tensor]:
        """One tensor of each name, (rows, tokens of the longest row)."""
        longest = max(len(row["input_ids"]) for row in rows)
        fill = {"input_ids": self.padding, "labels": IGNORED}
        batch = {name: torch.full((len(rows), longest), fill.get(name, 0), dtype=rows[0][name].dtype) for name in rows[0]}
        for number, row in enumerate(rows):
            length = len(row["input_ids"])
            place = slice(longest - length, longest) if left else slice(0, length)
            for name, tokens in row.items():
                batch[name][number, place] = tokens
        return batch

    def _texts(self, question: Question) -> tuple[str, str]:
        """The prompt, and the prompt with the answer, as the model's chat template writes them."""
        named = [getattr(self.processor, name, None) for name in ("boi_token", "image_token")]  # Gemma 3 takes the first
        marks: list[str] = [mark for mark in named if mark] or ["<image>"]
        found = next((mark for mark in marks if mark in question.question + question.answer), None)
        if found:
            raise UserError(
                f"the question {one_line(question.question)!r} holds {found}, the placeholder of a picture: take it out"
            )
        self._refuse_marks(question, [question.answer])
        said = question.answer.strip()  # blanks in front may become one token with the end of the prompt
        if not getattr(self.processor, "chat_template", None):
            prompt = f"{marks[0] if question.image is not None else ''}{question.question}"
            return prompt, f"{prompt} {said}"
        content = [{"type": "image"}] if question.image is not None else []
        user = {"role": "user", "content": [*content, {"type": "text", "text": question.question}]}
        answer = {"role": "assistant", "content": [{"type": "text", "text": said}]}
        prompt = self.processor.apply_chat_template([user], add_generation_prompt=True, tokenize=False)
        whole = self.processor.apply_chat_template([user, answer], tokenize=False)
        return prompt, whole

    def _answer(self, question: Question, prompt: str, whole: str) -> Tensor:
        """Tokens of the answer with its end token, as they follow those of the prompt.

        Tokens are compared before a picture's placeholder becomes many tokens: it is a special token, at which texts are split.
        """
        adds = self._adds_tokens(prompt)
        before = self.tokenizer(prompt, add_special_tokens=adds)["input_ids"]
        tokens = self.tokenizer(whole.rstrip(), add_special_tokens=adds)["input_ids"]
        if tokens[: len(before)] != before:
            raise UserError(
                f"the chat template of this model writes another prompt with the answer than without it (question "
                f"{one_line(question.question)!r}): give the model's processor a template whose prompts stay the same"
            )
        answer = tokens[len(before) :]
        ends = [place for place, token in enumerate(answer) if token in self.end_tokens]
        answer = answer[: ends[0] + 1] if ends else [*answer, *self.end_tokens[:1]]
        length = len(before) + len(answer)
        if length > self.max_length:
            raise UserError(
                f"the question {one_line(question.question)!r} has {length} tokens with its answer, more than "
                f"max_length={self.max_length}: raise max_length, or shorten it"
            )
        return torch.tensor(answer)


def _is_picture(name: str) -> bool:
    return name.startswith(("pixel_", "image_"))


def _of_pictures(encoded: dict[str, Any]) -> dict[str, Tensor]:
    """The processor's tensors about pictures."""
    return {name: tensor for name, tensor in encoded.items() if _is_picture(name) and isinstance(tensor, Tensor)}
