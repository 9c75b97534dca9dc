import torch
from torch.autograd import gradcheck

from mmsk.modules import CrossModalFusion

SIZES = {"audio": 3, "text": 2}
PRESENT = torch.tensor([[True, True], [False, True], [True, False], [False, False]])


def sequences(n=4, **kwargs):
    return {
        "audio": torch.randn(n, 6, 3, **kwargs),
        "text": torch.randn(n, 5, 2, **kwargs),
    }


def test_formula():
    fuse = CrossModalFusion(SIZES, out_size=4, n_heads=1)
    blocks = sequences()
    audio = fuse.project[0](blocks["audio"])
    text = fuse.project[1](blocks["text"])

    def attended(target, source, att):
        scores = att.query(target) @ att.key(source).T / 2
        share = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
        return att.out(share @ att.value(source))

    (to_text,), (to_audio,) = fuse.attentions
    a = fuse.norms[0](audio[0] + attended(audio[0], text[0], to_text)).mean(dim=0)
    t = fuse.norms[1](text[0] + attended(text[0], audio[0], to_audio)).mean(dim=0)
    expected = torch.stack(
        [
            (a + t) / 2,
            fuse.norms[1](text[1]).mean(dim=0),
            fuse.norms[0](audio[2]).mean(dim=0),
            torch.zeros(4),
        ]
    )
    torch.testing.assert_close(fuse(blocks, PRESENT), expected)


def test_padding_does_not_matter():
    fuse = CrossModalFusion(SIZES, out_size=4)
    blocks = sequences()
    longer = {
        name: torch.cat([x, torch.zeros(4, 3, x.shape[2])], dim=1)
        for name, x in blocks.items()
    }
    torch.testing.assert_close(fuse(longer, PRESENT), fuse(blocks, PRESENT))
    cut = {name: x[:, :4] for name, x in blocks.items()}
    assert (fuse(cut, PRESENT) - fuse(blocks, PRESENT)).abs().max() > 1e-2


def test_a_present_sequence_of_padding_alone():
    fuse = CrossModalFusion(SIZES, out_size=4)
    blocks = sequences()
    blocks["audio"] = torch.zeros(4, 6, 3, requires_grad=True)
    fused = fuse(blocks, PRESENT)
    assert torch.isfinite(fused).all()
    fused.sum().backward()
    assert torch.isfinite(blocks["audio"].grad).all()


def test_what_stands_for_an_absent_sequence_changes_nothing():
    fuse = CrossModalFusion(SIZES, out_size=4)
    blocks = sequences()
    other = {
        name: x.masked_fill(~PRESENT[:, [m], None], torch.nan)
        for m, (name, x) in enumerate(blocks.items())
    }
    assert torch.equal(fuse(other, PRESENT), fuse(blocks, PRESENT))


def test_gradients():
    fuse = CrossModalFusion(SIZES, out_size=2, n_heads=1).double()

    def run(audio, text, *_):
        return fuse({"audio": audio, "text": text}, PRESENT)

    blocks = sequences(dtype=torch.float64, requires_grad=True)
    assert gradcheck(run, (*blocks.values(), *fuse.parameters()))
