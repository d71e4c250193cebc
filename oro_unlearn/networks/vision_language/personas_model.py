"""The small model of the embedded world of persons: the form of LLaVA, with its own words."""

from collections.abc import Sequence
from typing import Any

from oro_unlearn.user_error import UserError

SPECIAL = ("<unk>", "<pad>", "<s>", "</s>", "<image>", "<answer>")
IMAGE_SIZE, PATCH = 32, 8  # pixels
LONGEST = 128  # tokens

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<s>"
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
    "{% else %}<answer>"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}</s>"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<answer>{% endif %}"
)


def build_personas_model(words: Sequence[str]) -> tuple[Any, Any]:
    """A small model of LLaVA's form with random weights, and its processor.

    A CLIP vision tower (3 layers, width 64) reads pictures of 32 x 32 pixels in patches of 8 x 8. All of its layers are used,
    and its CLS token is dropped, as in LLaVA. A projector of two layers feeds the 16 patches to a Llama (3 layers, width 128).

    Args:
        words: Every word and punctuation mark of the texts, in a fixed order. Other words become ``<unk>``.

    Returns:
        ``LlavaForConditionalGeneration`` and ``LlavaProcessor`` of transformers.

    Raises:
        UserError: If a word occurs twice, or is empty.
    """
    from transformers import LlavaForConditionalGeneration

    return LlavaForConditionalGeneration(personas_config(len(words) + len(SPECIAL))), personas_processor(words)


def personas_config(vocabulary: int) -> Any:
    """The configuration of the small model.

    Args:
        vocabulary: Number of tokens, special ones included.
    """
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    vision = CLIPVisionConfig(
        hidden_size=64, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        image_size=IMAGE_SIZE, patch_size=PATCH, projection_dim=64, initializer_factor=1.0,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=vocabulary, hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=LONGEST, tie_word_embeddings=True,
        bos_token_id=SPECIAL.index("<s>"), eos_token_id=SPECIAL.index("</s>"), pad_token_id=SPECIAL.index("<pad>"),
    )  # fmt: skip
    return LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=SPECIAL.index("<image>"),
        vision_feature_layer=-1, vision_feature_select_strategy="default", tie_word_embeddings=True,
        image_seq_length=(IMAGE_SIZE // PATCH) ** 2, pad_token_id=SPECIAL.index("<pad>"),
    )  # fmt: skip


def personas_processor(words: Sequence[str]) -> Any:
    """The processor of the small model: words are tokens, and pictures are brought to 32 x 32 pixels.

    Args:
        words: As in :func:`build_personas_model`.

    Raises:
        UserError: If a word occurs twice, or is empty.
    """
    from transformers import CLIPImageProcessor, LlavaProcessor

    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    pictures = CLIPImageProcessor(
        size=size, crop_size=size, do_center_crop=False,
        image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=3,
    )  # fmt: skip
    return LlavaProcessor(
        pictures, _tokenizer(words), patch_size=PATCH, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=TEMPLATE,
    )  # fmt: skip


def _tokenizer(words: Sequence[str]) -> Any:
    """A tokenizer of whole words, in which a punctuation mark is a word of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = [*SPECIAL, *words]
    if len(set(tokens)) < len(tokens) or not all(words):
        raise UserError("the words of the small model must be different, and none of them empty")
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(tokens)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]  # "Rome?" is two words
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)  # no blank before a punctuation mark
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
        extra_special_tokens={"image_token": "<image>", "answer_token": "<answer>"}, model_max_length=LONGEST,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
