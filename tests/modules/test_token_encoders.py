"""Contracts of the encoders of tokens, and what each computes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from mmsk.modules import TokenMean, TokenRNN, TokenTransformer
from mmsk.modules._attention_pooling import AttentionPooling
from mmsk.modules._token_transformer import positions
from mmsk.modules._tokens import token_ids

N_TOKENS = 12
MAKERS = {
    "mean": lambda **kw: TokenMean(N_TOKENS, embedding_size=8, out_size=5, **kw),
    "gru": lambda **kw: TokenRNN(
        N_TOKENS, embedding_size=8, hidden_size=6, out_size=5, **kw
    ),
    "lstm": lambda **kw: TokenRNN(
        N_TOKENS, cell="lstm", embedding_size=8, hidden_size=6, out_size=5, **kw
    ),
    "transformer": lambda **kw: TokenTransformer(N_TOKENS, size=8, out_size=5, **kw),
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
ordered = pytest.mark.parametrize(
    "make", [MAKERS[name] for name in ("gru", "lstm", "transformer")]
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n=9, length=7, seed=0):
    """Return tokens with padding behind; the last row has nothing else."""
    generator = seeded(seed)
    tokens = torch.randint(1, N_TOKENS, (n, length), generator=generator)
    for row in range(n):
        tokens[row, 1 + row % length :] = 0
    tokens[-1] = 0
    return tokens.float()


@each
def test_a_batch_is_its_samples(make):
    net, x = make(generator=seeded()).eval(), batch()
    whole = net(x)
    assert whole.shape == (9, net.out_size) == (9, 5)
    assert whole.std(dim=0).min() >= 0
    assert whole[:-1].std() > 1e-3
    single = torch.cat([net(x[i : i + 1]) for i in range(9)])
    torch.testing.assert_close(single, whole, rtol=1e-5, atol=1e-6)


@each
def test_padding_behind_the_last_token_changes_nothing(make):
    net, x = make(generator=seeded()).eval(), batch()
    longer = torch.cat([x, torch.zeros(9, 4)], dim=1)
    torch.testing.assert_close(net(longer), net(x), rtol=1e-5, atol=1e-6)


@each
def test_a_row_of_padding_is_finite_and_so_are_gradients(make):
    net = make(generator=seeded())
    net(torch.zeros(3, 7)).sum().backward()
    for parameter in net.parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all()
    net.zero_grad()
    net(batch()).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert net.embedding.weight.grad[0].abs().max() == 0  # padding learns nothing
    assert not net.embedding.weight[0].any()


@each
def test_large_numbers_are_the_unknown_token(make):
    net = make(generator=seeded()).eval()
    x = torch.tensor([[2.0, 1.0, 3.0]])
    for other in (N_TOKENS, 2.0**24 - 1, -1.0):
        torch.testing.assert_close(net(torch.tensor([[2.0, other, 3.0]])), net(x))
    assert (net(torch.tensor([[2.0, 11.0, 3.0]])) != net(x)).any()


@each
def test_whole_numbers_of_any_dtype(make):
    net, x = make(generator=seeded()).eval(), batch()
    torch.testing.assert_close(net(x.long()), net(x))
    torch.testing.assert_close(net(x.double()), net(x))
    doubled = copy.deepcopy(net).double()
    assert doubled(x.double()).dtype == torch.float64
    torch.testing.assert_close(doubled(x).float(), net(x), rtol=1e-5, atol=1e-5)


@each
def test_the_generator_decides(make):
    one, two = make(generator=seeded(4)), make(generator=seeded(4))
    other = make(generator=seeded(5))
    x = batch()
    torch.testing.assert_close(one.eval()(x), two.eval()(x), rtol=0, atol=0)
    assert (one(x) != other.eval()(x)).any()
    dropping = make(generator=seeded(4), dropout=0.5)
    assert (dropping(x) != dropping(x)).any()
    dropping.eval()
    torch.testing.assert_close(dropping(x), one(x), rtol=0, atol=0)


@each
def test_it_can_be_built_without_values(make):
    with torch.device("meta"):
        net = make()
    assert all(parameter.is_meta for parameter in net.parameters())


@ordered
def test_the_order_of_tokens_counts(make):
    net = make(generator=seeded()).eval()
    x = torch.tensor([[2.0, 3.0, 4.0], [4.0, 3.0, 2.0]])
    one, other = net(x)
    assert (one - other).abs().max() > 1e-4


def test_the_mean_is_the_formula():
    net = MAKERS["mean"](generator=seeded()).eval()
    x = torch.tensor([[3.0, 0.0, 5.0, 5.0]])
    table = net.embedding.weight
    mean = (table[3] + 2 * table[5]) / 3
    expected = (mean @ net.head.weight.T + net.head.bias).relu()
    torch.testing.assert_close(net(x)[0], expected)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_states_are_torchs(cell):
    net = MAKERS[cell](generator=seeded()).eval()
    x = torch.tensor([[3.0, 4.0, 5.0]])
    states, _ = net.recurrent(net.embedding(x.long()))
    shares = (net.pool.hidden(states).tanh() @ net.pool.score.weight.T).softmax(dim=1)
    pooled = (shares * states).sum(dim=1)
    expected = net.head(pooled).relu()
    torch.testing.assert_close(net(x), expected)


def test_attention_pools_what_is_there():
    pool = AttentionPooling(4)
    x = torch.randn(3, 5, 4)
    there = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
    pooled = pool(x, there)
    torch.testing.assert_close(pooled[1], x[1, 1])
    assert not pooled[2].any()
    changed = x.clone()
    changed[0, 3:] = 9
    torch.testing.assert_close(pool(changed, there)[0], pooled[0])
    torch.testing.assert_close(pool(x[:1, :3], there[:1, :3])[0], pooled[0])


def test_a_layer_is_torchs():
    net = TokenTransformer(9, size=8, n_layers=1, n_heads=2, generator=seeded()).eval()
    (ours,) = net.layers
    theirs = nn.TransformerEncoderLayer(
        8, 2, 32, dropout=0, activation="gelu", batch_first=True, norm_first=True
    )
    attention = ours.attention
    parts = (attention.query, attention.key, attention.value)
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(torch.cat([p.weight for p in parts]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([p.bias for p in parts]))
        theirs.self_attn.out_proj.weight.copy_(attention.out.weight)
        theirs.self_attn.out_proj.bias.zero_()
    theirs.linear1, theirs.linear2 = ours.wide, ours.narrow
    theirs.norm1, theirs.norm2 = ours.norm1, ours.norm2
    h = torch.randn(2, 5, 8)
    there = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    expected = theirs.train()(h, src_key_padding_mask=~there)
    torch.testing.assert_close(ours(h, there)[there], expected[there])


def test_positions_are_sines():
    table = positions(4, torch.empty(1, 6, dtype=torch.float64))
    place, power = np.arange(4)[:, None], np.array([0, 2, 4]) / 6
    angle = place / 10_000**power
    expected = np.hstack([np.sin(angle), np.cos(angle)]) / 10
    np.testing.assert_allclose(table.numpy(), expected, atol=1e-15)


def test_tokens_become_indices():
    x = torch.tensor([[0.0, 1.0, 5.0, 6.0, -3.0]])
    assert token_ids(x, 6).tolist() == [[0, 1, 5, 1, 1]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TokenMean(1), "n_tokens counts padding"),
        (lambda: TokenRNN(9, cell="elman"), "cell must be one of"),
        (lambda: TokenTransformer(9, size=7), "even number"),
        (lambda: TokenTransformer(9, n_heads=0), "n_heads must be positive"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@each
def test_it_learns_which_word_matters(make):
    generator = seeded(1)
    x = torch.randint(2, N_TOKENS, (64, 6), generator=generator).float()
    y = (x == 7).any(dim=1).float()
    net = nn.Sequential(make(generator=seeded(2)), nn.Linear(5, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y)
        loss.backward()
        optimizer.step()
    assert ((net.eval()(x)[:, 0] > 0) == y.bool()).float().mean() > 0.95
