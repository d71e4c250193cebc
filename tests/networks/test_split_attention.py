"""Attention out of Linears: bit-equal to the packed one, and back."""

import open_clip
import pytest
import torch
from torch import nn

from oro_unlearn.networks import SplitAttention, fuse_attention, split_attention
from tests.networks.tiny_clip import CAPTIONS, VIT, folder_of


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("mask", ["none", "causal", "bool", "per_head", "padding", "both"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_split_attention_is_bit_equal_to_the_training_path(batch_first, mask, dtype):
    torch.manual_seed(0)
    fused = nn.MultiheadAttention(24, 3, batch_first=batch_first, dtype=dtype)
    for bias in (fused.in_proj_bias, fused.out_proj.bias):
        nn.init.normal_(bias)  # zeros would hide a different order of rounding
    split = SplitAttention(fused)
    tokens = torch.randn((5, 7, 24) if batch_first else (7, 5, 24), dtype=dtype)
    causal = torch.full((7, 7), float("-inf"), dtype=dtype).triu_(1)
    padding = torch.zeros(5, 7, dtype=dtype).masked_fill_(torch.rand(5, 7) > 0.7, float("-inf"))
    padding[:, 0] = 0
    masks = {
        "none": {},
        "causal": {"attn_mask": causal},
        "bool": {"attn_mask": causal.isinf(), "key_padding_mask": padding.isinf()},
        "per_head": {"attn_mask": torch.randn(15, 7, 7, dtype=dtype)},
        "padding": {"key_padding_mask": padding},
        "both": {"attn_mask": causal, "key_padding_mask": padding},
    }[mask]
    expected = fused(tokens, tokens, tokens, need_weights=False, **masks)[0]
    assert torch.equal(split(tokens, tokens, tokens, need_weights=False, **masks)[0], expected)
    back = split.fused()
    assert list(back.state_dict()) == list(fused.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(back.state_dict().values(), fused.state_dict().values(), strict=True))


@pytest.mark.parametrize("options", [{"kdim": 10}, {"bias": False}, {"kdim": 10, "vdim": 6, "bias": False}])
def test_attention_of_other_widths_splits_and_fuses(options):
    """The attentional pool of CoCa has keys of another width."""
    fused = nn.MultiheadAttention(8, 2, batch_first=True, **options)
    query, key = torch.randn(3, 4, 8), torch.randn(3, 5, options.get("kdim", 8))
    value = torch.randn(3, 5, options.get("vdim", 8))
    expected = fused(query, key, value, need_weights=False)[0]
    model = split_attention(nn.Sequential(fused))
    assert torch.allclose(model[0](query, key, value)[0], expected, atol=1e-6)
    back = fuse_attention(model)[0].state_dict()
    assert list(back) == list(fused.state_dict())
    assert all(torch.equal(back[name], tensor) for name, tensor in fused.state_dict().items())


def test_what_cannot_be_split_is_refused():
    with pytest.raises(ValueError, match="add_zero_attn cannot be split"):
        SplitAttention(nn.MultiheadAttention(8, 2, add_zero_attn=True))


def test_split_model_is_bit_equal_and_fuses_back(tmp_path):
    torch.manual_seed(0)
    plain = open_clip.create_model(folder_of(tmp_path, VIT), load_weights=False)
    images, tokens = torch.randn(3, 3, 32, 32), open_clip.tokenize(CAPTIONS)
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    image, text = plain.encode_image(images), plain.encode_text(tokens)
    state = torch.get_rng_state()
    split = split_attention(plain)
    assert torch.equal(torch.get_rng_state(), state), "splitting must not change the training that follows"
    assert sum(isinstance(module, SplitAttention) for module in split.modules()) == 4
    assert torch.equal(split.encode_image(images), image)
    assert torch.equal(split.encode_text(tokens), text)
    with torch.autocast("cpu", torch.bfloat16):
        low = split.encode_image(images)
    after = fuse_attention(split).state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(plain.encode_image(images), low)


def test_split_pool_is_bit_equal_and_fuses_back():
    torch.manual_seed(0)
    plain = open_clip.modified_resnet.AttentionPool2d(3, 24, 3, 10)
    names, maps = list(plain.state_dict()), torch.randn(5, 24, 3, 3)
    split = split_attention(nn.Sequential(plain))
    assert torch.equal(split(maps), plain(maps))
    back = fuse_attention(split)[0]
    assert type(back) is type(plain)
    assert list(back.state_dict()) == names
    assert all(torch.equal(back.state_dict()[name], plain.state_dict()[name]) for name in names)
    assert torch.equal(back(maps), plain(maps))
