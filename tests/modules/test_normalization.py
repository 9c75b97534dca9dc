import torch

from mmsk.modules._normalization import BatchNorm


def test_several_rows_are_normalised_by_torch():
    ours, theirs = BatchNorm(3), torch.nn.BatchNorm1d(3)
    x = torch.randn(5, 3)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)


def test_one_row_uses_and_keeps_the_running_statistics():
    norm = BatchNorm(2)
    norm.running_mean.copy_(torch.tensor([1.0, 2.0]))
    norm.running_var.copy_(torch.tensor([4.0, 9.0]))
    y = norm(torch.tensor([[5.0, 8.0]]))
    torch.testing.assert_close(y, torch.tensor([[2.0, 2.0]]), rtol=1e-4, atol=1e-4)
    assert norm.running_mean.tolist() == [1.0, 2.0]
    y.sum().backward()
    assert torch.isfinite(norm.weight.grad).all()
