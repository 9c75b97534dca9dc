import pytest
import torch
from torch import nn

from mmsk.modules import AttentionFusion
from mmsk.modules._masked_attention import MaskedAttention

SIZES = {"image": 3, "text": 2}


class TestMaskedAttention:
    def test_is_torchs_where_something_is_there(self):
        mine = MaskedAttention(6, 4, 6, n_heads=3)
        torchs = nn.MultiheadAttention(6, 3, kdim=4, vdim=4, batch_first=True)
        with torch.no_grad():
            torchs.q_proj_weight.copy_(mine.query.weight)
            torchs.k_proj_weight.copy_(mine.key.weight)
            torchs.v_proj_weight.copy_(mine.value.weight)
            biases = [layer.bias for layer in (mine.query, mine.key, mine.value)]
            torchs.in_proj_bias.copy_(torch.cat(biases))
            torchs.out_proj.weight.copy_(mine.out.weight)
        queries, attended = torch.randn(2, 5, 6), torch.randn(2, 7, 4)
        there = torch.rand(2, 7) > 0.4
        there[:, 0] = True
        expected, _ = torchs(queries, attended, attended, key_padding_mask=~there)
        torch.testing.assert_close(mine(queries, attended, there), expected)

    def test_nothing_there_is_answered_by_zeros(self):
        attention = MaskedAttention(6, 4, 6)
        there = torch.zeros(2, 7, dtype=torch.bool)
        answers = attention(torch.randn(2, 5, 6), torch.randn(2, 7, 4), there)
        assert answers.shape == (2, 5, 6)
        assert not answers.any()

    def test_heads_divide_the_width(self):
        assert MaskedAttention(6, 4, 6, n_heads=4).n_heads == 3
        assert MaskedAttention(6, 4, 7, n_heads=4).n_heads == 1
        with pytest.raises(ValueError, match="n_heads must be positive"):
            MaskedAttention(6, 4, 6, n_heads=0)


def test_formula():
    fuse = AttentionFusion(SIZES, out_size=4, n_heads=1)
    blocks = {name: torch.randn(3, size) for name, size in SIZES.items()}
    present = torch.tensor([[True, True], [False, True], [False, False]])
    layers = zip(SIZES, fuse.project, strict=True)
    t = torch.stack([layer(blocks[name]) for name, layer in layers], dim=1)
    att = fuse.attention
    q, k, v = att.query(t), att.key(t), att.value(t)
    share = (q[0] @ k[0].T / 2).exp()
    share = share / share.sum(dim=1, keepdim=True)
    both = fuse.norm(t[0] + att.out(share @ v[0])).mean(dim=0)
    alone = fuse.norm(t[1, 1] + att.out(v[1, 1]))
    expected = torch.stack([both, alone, torch.zeros(4)])
    torch.testing.assert_close(fuse(blocks, present), expected)


def test_modalities_see_each_other():
    """The tokens' mean is more than a sum of one term for each modality."""
    fuse = AttentionFusion(SIZES, out_size=4, n_heads=1)
    images, texts = torch.randn(2, 3), torch.randn(2, 2)
    everything = torch.ones(4, 2, dtype=torch.bool)
    fused = fuse(
        {"image": images[[0, 0, 1, 1]], "text": texts[[0, 1, 0, 1]]}, everything
    )
    interaction = fused[0] - fused[1] - fused[2] + fused[3]
    assert interaction.abs().max() > 1e-2
