"""Tiny random models of several families, written as folders of transformers, with tokenizer and processor."""

from pathlib import Path

import torch
from PIL import Image

from oro_unlearn.networks import Question
from oro_unlearn.networks.vision_language.personas_model import build_personas_model

TEXT = "This person lives in Where does live ? . , Oslo Rome Lima Paris What is the colour of hair Red Blue User Assistant :"
WORDS = TEXT.split()
CHAT = (
    "{{% for m in messages %}}{{{{ '{begin}' + m['role'].capitalize() + ': ' }}}}{{% for p in m['content'] %}}"
    "{{% if p['type'] == 'image' %}}{image}{{% else %}}{{{{ p['text'] }}}}{{% endif %}}{{% endfor %}}"
    "{{{{ '{end}\n' }}}}{{% endfor %}}"
    "{{% if add_generation_prompt %}}{begin}Assistant: {{% endif %}}"
)


def picture(colour, size=32):
    return Image.new("RGB", (size, size), colour)


QUESTIONS = [
    Question("Where does This person live?", "This person lives in Oslo.", picture("red"), "a", "city", keyword="Oslo"),
    Question("Where is Rome?", "Rome.", None, "b", "city"),
    Question("What is the colour?", "Blue", picture("blue"), "c", "colour"),
]


def tokenizer(special, **named):
    """A tokenizer of words with the special tokens of a family."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = ["<unk>", "<pad>", "<s>", "</s>", *special, *WORDS]
    words = Tokenizer(models.WordLevel({token: number for number, token in enumerate(tokens)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    made = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", eos_token="</s>", **named)
    made.add_special_tokens({"additional_special_tokens": list(special)})
    return made


def text_sizes(made):
    return {
        "vocab_size": len(made), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1,
    }  # fmt: skip


def llava(folder):
    """LLaVA 1.5: CLIP with 3 layers, of which the last has no effect."""
    from transformers import CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaProcessor
    from transformers import LlavaForConditionalGeneration as Model

    made = tokenizer(["<image>"])
    chat = CHAT.format(begin="", image="<image>", end="</s>")
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    vision = CLIPVisionConfig(
        hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=2, image_size=32, patch_size=16
    )
    text, image = LlamaConfig(**text_sizes(made)), made.convert_tokens_to_ids("<image>")
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image)
    processor = LlavaProcessor(
        pictures, made, patch_size=16, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=chat,
    )  # fmt: skip
    return write(folder, Model(config), processor)


def qwen2_vl(folder):
    """Qwen2-VL: all patches of a batch in one sequence."""
    from transformers import Qwen2VLConfig, Qwen2VLProcessor
    from transformers import Qwen2VLForConditionalGeneration as Model

    made, more, processor = qwen_parts(Qwen2VLProcessor)
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14}
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2]}
    config = Qwen2VLConfig(text_config={**text_sizes(made), "rope_scaling": rope}, vision_config=vision, **more)
    return write(folder, Model(config), processor, seed=1)


def qwen2_5_vl(folder):
    """Qwen2.5-VL: gated layers in both towers, and windows of patches."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLProcessor
    from transformers import Qwen2_5_VLForConditionalGeneration as Model

    made, more, processor = qwen_parts(Qwen2_5_VLProcessor)
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "out_hidden_size": 32, "patch_size": 14,
        "window_size": 56, "fullatt_block_indexes": [1],
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2]}
    config = Qwen2_5_VLConfig(text_config={**text_sizes(made), "rope_scaling": rope}, vision_config=vision, **more)
    return write(folder, Model(config), processor)


def qwen_parts(kind):
    from transformers import Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    marks = {
        "image": "<|image_pad|>",
        "video": "<|video_pad|>",
        "vision_start": "<|vision_start|>",
        "vision_end": "<|vision_end|>",
    }
    made = tokenizer(["<|im_start|>", "<|im_end|>", *marks.values()])
    made.eos_token = "<|im_end|>"
    chat = CHAT.format(begin="<|im_start|>", image="<|vision_start|><|image_pad|><|vision_end|>", end="<|im_end|>")
    sizes = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    processor = kind(Qwen2VLImageProcessor(size=sizes), made, Qwen2VLVideoProcessor(), chat_template=chat)
    numbers = {name.removesuffix("_pad"): made.convert_tokens_to_ids(mark) for name, mark in marks.items()}
    return made, {f"{name}_token_id": number for name, number in numbers.items()}, processor


def idefics3(folder):
    """Idefics 3, the form of SmolVLM: a row of pictures for each row of text."""
    from transformers import Idefics3Config, Idefics3ImageProcessor, Idefics3Processor
    from transformers import Idefics3ForConditionalGeneration as Model

    made = tokenizer(["<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"], bos_token="<s>")
    chat = "<s>" + CHAT.format(begin="", image="<image>", end="<end_of_utterance>")
    pictures = Idefics3ImageProcessor(size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False)
    vision = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    config = Idefics3Config(
        text_config={"model_type": "llama", **text_sizes(made)}, vision_config=vision, scale_factor=2, pad_token_id=1,
        image_token_id=made.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return write(folder, Model(config), Idefics3Processor(pictures, made, image_seq_len=4, chat_template=chat))


def qwen3_vl(folder):
    """Qwen3-VL: states of some vision blocks go into several text blocks."""
    from transformers import Qwen3VLConfig, Qwen3VLProcessor
    from transformers import Qwen3VLForConditionalGeneration as Model

    made, more, processor = qwen_parts(Qwen3VLProcessor)
    vision = {
        "depth": 3, "hidden_size": 32, "intermediate_size": 40, "num_heads": 2, "out_hidden_size": 32, "patch_size": 14,
        "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1],
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
    text = {**text_sizes(made), "head_dim": 8, "rope_parameters": rope}
    return write(folder, Model(Qwen3VLConfig(text_config=text, vision_config=vision, **more)), processor)


def gemma3(folder):
    """Gemma 3: tokens of a picture see one another, so the model asks for the type of every token."""
    from transformers import Gemma3Config, Gemma3ImageProcessor, Gemma3Processor
    from transformers import Gemma3ForConditionalGeneration as Model

    marks = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    made = tokenizer([*marks.values(), "<end_of_turn>"], bos_token="<s>", extra_special_tokens=marks)
    chat = "<s>" + CHAT.format(begin="", image="<start_of_image>", end="<end_of_turn>")
    vision = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    boi, eoi, image = (made.convert_tokens_to_ids(mark) for mark in marks.values())
    config = Gemma3Config(
        text_config={**text_sizes(made), "head_dim": 8, "sliding_window": 16}, vision_config=vision, mm_tokens_per_image=4,
        boi_token_index=boi, eoi_token_index=eoi, image_token_index=image,
    )  # fmt: skip
    pictures = Gemma3ImageProcessor(size={"height": 32, "width": 32})
    return write(folder, Model(config), Gemma3Processor(pictures, made, chat_template=chat, image_seq_length=4))


def internvl(folder):
    """InternVL: a picture is cut into a number of tiles that depends on its shape."""
    from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLProcessor, InternVLVideoProcessor
    from transformers import InternVLForConditionalGeneration as Model

    marks = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    made = tokenizer([*marks.values(), "<video>", "<|im_end|>"], extra_special_tokens={**marks, "video_token": "<video>"})
    chat = CHAT.format(begin="", image="<IMG_CONTEXT>", end="<|im_end|>")
    vision = {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": [32, 32], "patch_size": [8, 8]}  # fmt: skip
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **text_sizes(made)}, vision_config=vision,
        image_token_id=made.convert_tokens_to_ids("<IMG_CONTEXT>"),
    )  # fmt: skip
    pictures = GotOcr2ImageProcessor(
        size={"height": 32, "width": 32}, crop_to_patches=True, min_patches=1, max_patches=4, do_convert_rgb=True
    )
    processor = InternVLProcessor(pictures, made, InternVLVideoProcessor(), image_seq_length=4, chat_template=chat)
    return write(folder, Model(config), processor)


def personas(folder):
    """The small model of the package."""
    return write(folder, *build_personas_model(WORDS))


FAMILIES = {made.__name__: made for made in (llava, qwen2_vl, qwen2_5_vl, qwen3_vl, idefics3, gemma3, internvl, personas)}


def write(folder, model, processor, seed=0):
    """Write a model whose weights are large enough that pictures and words matter."""
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter.data, std=0.2)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return Path(folder)
