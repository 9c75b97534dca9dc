"""A net of one encoder a modality, a fusion mechanism and a head."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmsk.modules._generator import generator_on, own_generator
from mmsk.modules._masking import ordered_blocks, zero_absent
from mmsk.modules._sparse_rows import SparseRows


class FusionNet(nn.Module):
    r"""Encode each modality, fuse what is there, and predict.

    .. math:: y = \mathrm{head}(\mathrm{fusion}(\{p_m e_m(x_m)\}_m, p))

    What an absent modality's rows hold cannot change the result: they are
    zeroed before the encoder (so that no encoder learns from them) and after
    it (an encoder of zeros is not zero).

    With auxiliary heads, which predict from one modality each, a net in training
    returns their outputs too, so that a loss can ask every encoder to be of use by
    itself; see `unpack`. They can decide with the head, too, as in hybrid fusion
    [3]_: then what a net says after training is the mean

    .. math:: y = \frac{f(x) + \sum_m p_m w_m f_m(x_m)}{1 + \sum_m p_m w_m}

    of the outputs of the head :math:`f` and of the auxiliary heads :math:`f_m` of the
    modalities that a sample has, weighted by `auxiliary_weights`.

    Parameters
    ----------
    encoders : dict of str to Module
        One encoder a modality, ``(n_samples, ...) -> (n_samples, width)``, or to
        what else `fusion` takes. The order of the keys is the order of the
        columns of `present`.
    fusion : Module
        The mechanism, ``(blocks, present) -> (n_samples, width)``.
    head : Module
        What turns the fused block into outputs.
    modality_dropout : float, default=0.0
        In training, each modality of a sample is taken away with this
        probability, in [0, 1); one that the sample has is always kept.
    auxiliary : sequence of Module, default=()
        One head a modality, in the order of `encoders`, ``(n_samples, width) ->
        (n_samples, n_outputs)``; or none at all.
    auxiliary_weights : sequence of float, default=()
        What the outputs of the auxiliary heads count after training, at least 0,
        those of `head` counting 1. ``()``: nothing.
    generator : torch.Generator, default=None
        Source of the draws. ``None`` makes one, seeded once by torch's global
        stream.

    Raises
    ------
    ValueError
        If `modality_dropout` is out of range, there are not as many auxiliary heads
        as encoders, or the weights are not as described.

    References
    ----------
    .. [1] N. Neverova et al., "ModDrop: Adaptive Multi-modal Gesture
           Recognition", IEEE TPAMI 38, 2016.
    .. [2] W. Wang, D. Tran, M. Feiszli, "What Makes Training Multi-modal
           Classification Networks Hard?", CVPR, 2020.
    .. [3] P. K. Atrey, M. A. Hossain, A. El Saddik, M. S. Kankanhalli, "Multimodal
           Fusion for Multimedia Analysis: a Survey", Multimedia Systems 16, 2010.

    Examples
    --------
    >>> import torch
    >>> from mmsk.modules import MLP, FusionNet, GatedFusion
    >>> net = FusionNet(
    ...     {"image": MLP(8, (6,)), "text": MLP(5, (4,))},
    ...     GatedFusion({"image": 6, "text": 4}, out_size=3),
    ...     MLP(3, (), out_size=2),
    ... )
    >>> blocks = {"image": torch.randn(2, 8), "text": torch.randn(2, 5)}
    >>> net(blocks, torch.tensor([[True, True], [False, True]])).shape
    torch.Size([2, 2])
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        fusion: nn.Module,
        head: nn.Module,
        modality_dropout: float = 0.0,
        auxiliary: Sequence[nn.Module] = (),
        auxiliary_weights: Sequence[float] = (),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= modality_dropout < 1:
            raise ValueError(
                f"modality_dropout must be in [0, 1), got {modality_dropout!r}."
            )
        if len(auxiliary) not in (0, len(encoders)):
            raise ValueError(
                f"auxiliary must hold one head for each of {list(encoders)}, or none, "
                f"got {len(auxiliary)}."
            )
        if len(auxiliary_weights) not in (0, len(auxiliary)) or not all(
            0 <= weight < math.inf for weight in auxiliary_weights
        ):
            raise ValueError(
                "auxiliary_weights must hold one finite weight of at least 0 for each "
                f"of {len(auxiliary)} auxiliary heads, or none, got "
                f"{auxiliary_weights!r}."
            )
        self.names = tuple(encoders)
        self.encoders = nn.ModuleList(encoders.values())
        self.fusion = fusion
        self.head = head
        self.auxiliary = nn.ModuleList(auxiliary)
        self.modality_dropout = modality_dropout
        self.auxiliary_weights = tuple(auxiliary_weights)
        self.generator = own_generator() if generator is None else generator

    @property
    def sparse_takers(self) -> dict[str, nn.Module]:
        """The encoders that take `SparseRows`, by modality.

        They have the method ``lay_out_for_sparse``, as `MLP` has.
        """
        return {
            name: encoder
            for name, encoder in zip(self.names, self.encoders, strict=True)
            if hasattr(encoder, "lay_out_for_sparse")
        }

    def forward(
        self, blocks: dict[str, Tensor | SparseRows], present: Tensor
    ) -> Tensor:
        """Predict a batch.

        Parameters
        ----------
        blocks : dict of str to Tensor of shape (n_samples, ...), or to SparseRows
            What the encoder of each modality takes.
        present : bool Tensor of shape (n_samples, n_modalities)
            Which modalities a sample has; none at all is allowed.

        Returns
        -------
        outputs : Tensor of shape (n_samples, n_outputs)
            In training with auxiliary heads ``(n_samples, (1 + M) * n_outputs +
            M)``: the outputs, those of the heads of the M modalities, and which
            of these the sample was seen to have.
        """
        if self.training and self.modality_dropout:
            present = self._drop_modalities(present)
        ordered = ordered_blocks(blocks, present, self.names)
        encoded = {
            name: zero_absent(encoder(x), present[:, position])
            for position, (name, encoder, x) in enumerate(
                zip(self.names, self.encoders, ordered, strict=True)
            )
        }
        outputs = self.head(self.fusion(encoded, present))
        if not (self.auxiliary if self.training else self.auxiliary_weights):
            return outputs
        alone = [
            head(x if x.dim() == 2 else x.mean(dim=1))
            for head, x in zip(self.auxiliary, encoded.values(), strict=True)
        ]
        if self.training:
            return torch.cat([outputs, *alone, present.to(outputs.dtype)], dim=-1)
        weights = present * outputs.new_tensor(self.auxiliary_weights)  # (n, M)
        total = torch.einsum("nmk,nm->nk", torch.stack(alone, dim=1), weights)
        return (outputs + total) / (1 + weights.sum(dim=1, keepdim=True))

    @staticmethod
    def unpack(
        outputs: Tensor, n_outputs: int
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Take apart what `forward` returned.

        Parameters
        ----------
        outputs : Tensor of shape (n_samples, n_outputs) or \
                (n_samples, (1 + M) * n_outputs + M)
        n_outputs : int
            Number of outputs of the head.

        Returns
        -------
        outputs : Tensor of shape (n_samples, n_outputs)
        alone : Tensor of shape (n_samples, M, n_outputs), or None
            What the auxiliary heads say.
        present : bool Tensor of shape (n_samples, M), or None
            Which of them saw something.
        """
        if outputs.shape[-1] == n_outputs:
            return outputs, None, None
        n_modalities = (outputs.shape[-1] - n_outputs) // (n_outputs + 1)
        main, alone, present = outputs.split(
            [n_outputs, n_modalities * n_outputs, n_modalities], dim=-1
        )
        return main, alone.unflatten(-1, (n_modalities, n_outputs)), present > 0

    def _drop_modalities(self, present: Tensor) -> Tensor:
        self.generator = generator_on(self.generator, present.device)
        draws = torch.rand(
            present.shape, generator=self.generator, device=present.device
        )
        kept = present & (draws >= self.modality_dropout)
        # rows that lost all keep the modality with the largest draw
        best = draws.masked_fill(~present, -1.0).argmax(dim=-1, keepdim=True)
        best = torch.zeros_like(kept).scatter_(1, best, True)
        lost = ~kept.any(dim=-1, keepdim=True)
        return kept | (best & present & lost)
