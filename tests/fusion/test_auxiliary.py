import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from mmsk.compose import Block, Blocks
from mmsk.fusion import IntermediateFusionClassifier
from mmsk.fusion._auxiliary import AuxiliaryLoss


def rows(output, target):
    return cross_entropy(output, target, reduction="none")


def test_formula():
    torch.manual_seed(0)
    main, alone = torch.randn(3, 2), torch.randn(3, 2, 2)
    present = torch.tensor([[True, True], [False, True], [False, False]])
    target = torch.tensor([0, 1, 1])
    packed = torch.cat([main, alone.flatten(1), present.float()], dim=1)
    loss = AuxiliaryLoss(rows, 2, weight=0.5)
    each = torch.stack([rows(alone[:, m], target) for m in (0, 1)])
    extra = torch.stack([each[:, 0].mean(), each[1, 1], torch.tensor(0.0)])
    torch.testing.assert_close(loss(packed, target), rows(main, target) + 0.5 * extra)
    torch.testing.assert_close(loss(main, target), rows(main, target))


def test_every_modality_learns_to_tell_by_itself():
    """Whatever the head on all of them could do with one alone."""
    rng = np.random.default_rng(0)
    hard = rng.normal(size=(400, 2))
    y = (hard[:, 0] * hard[:, 1] > 0).astype(int)
    easy = 2 * y - 1 + rng.normal(scale=0.1, size=400)
    X = np.column_stack([easy, hard])
    blocks = Blocks([Block("easy", 0, 1), Block("hard", 1, 3)])
    clf = IntermediateFusionClassifier(
        auxiliary_loss=1.0, lr=1e-2, max_epochs=40, blocks=blocks, random_state=0
    ).fit(X[:200], y[:200])
    net = clf.net_.module_
    parts = blocks.split(torch.tensor(clf.scaler_.transform(X)[200:]))
    for name, encoder, head in zip(net.names, net.encoders, net.auxiliary, strict=True):
        said = head(encoder(parts[name])).argmax(dim=1).numpy()
        assert (said == y[200:]).mean() > 0.9


@pytest.mark.parametrize("n_members", [1, 2])
def test_of_members(n_members):
    """A weight of next to nothing changes next to nothing."""
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = X[:, 0] + X[:, 2] > 0
    blocks = Blocks([Block("a", 0, 2), Block("b", 2, 3)])
    clf = IntermediateFusionClassifier(
        n_members=n_members, max_epochs=3, blocks=blocks, random_state=0
    )
    expected = clf.fit(X, y).predict_members(X)
    said = clf.set_params(auxiliary_loss=1e-9).fit(X, y).predict_members(X)
    assert said.shape == (n_members, 60, 2)
    assert clf.early_stopping is False
    np.testing.assert_allclose(said, expected, atol=0.2)
    assert len([name for name in clf.state_ if "auxiliary" in name]) == 4 * n_members
