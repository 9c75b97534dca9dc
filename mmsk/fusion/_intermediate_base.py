"""What intermediate fusion is, whatever its target: encoders, mechanism, head."""

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from mmsk._utils._blocks import Blocks
from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.compose import BlockScaler
from mmsk.exceptions import MissingModalityWarning
from mmsk.fusion._auxiliary import AuxiliaryLoss
from mmsk.fusion._base import BlockReader, with_prior
from mmsk.fusion._mechanisms import MECHANISMS, make_mechanism
from mmsk.modules import MLP, FusionNet
from mmsk.neural_network._encoders import count_tokens, make_encoder
from mmsk.neural_network._inputs import BlockInputs
from mmsk.neural_network._members import count_members
from mmsk.neural_network._target import Target


class BaseIntermediateFusion(BlockReader):
    """Private mixin of the neural estimators whose net is a FusionNet."""

    _own_constraints: dict = {
        "mechanism": [StrOptions(set(MECHANISMS)), callable],
        "encoders": [dict, StrOptions({"auto"})],
        "modalities": [list, tuple, None],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "fusion_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "modality_dropout": [Interval(Real, 0, 1, closed="left")],
        "auxiliary_loss": [Interval(Real, 0, None, closed="left")],
        "decision": [StrOptions({"fused", "hybrid"}), dict],
        "block_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip": [Interval(Real, 0, None, closed="neither"), None],
        "blocks": [Blocks, None],
    }

    _architecture = (
        "mechanism",
        "encoders",
        "hidden_layer_sizes",
        "fusion_size",
        "dropout",
        "modality_dropout",
        "auxiliary_loss",
        "decision",
        "modalities",
        "block_norm",
        "clip",
    )

    def _check_Xy(self, X, y, *, reset):
        X, y = super()._check_Xy(X, y, reset=reset)
        if reset:
            self._learn_blocks(X)
            self._warn_if_single()
            self._decision_weights()
            self._always_there = np.ones(len(self._own_blocks), dtype=bool)
        return self._chosen(X), y

    def _check_X(self, X):
        return self._chosen(super()._check_X(X))

    def _usable_rows(self, X):
        present = self._own_blocks.present(X)
        some = present.any(axis=1)
        self._warn_if_unseen(present)
        if not some.any():
            raise ValueError(
                f"No sample has any of the modalities {list(self._own_blocks.names)}."
            )
        self._always_there &= present[some].all(axis=0)
        return some

    def _prepare_target(self, values, weights, **options) -> Target:
        target = super()._prepare_target(values, weights, **options)
        if not self.auxiliary_loss:
            return target
        loss = AuxiliaryLoss(target.loss, target.n_outputs, self.auxiliary_loss)
        return replace(target, loss=loss)

    def _learn_inputs(self, X, weights) -> None:
        scaler = BlockScaler(
            block_norm=self.block_norm, clip=self.clip, blocks=self._own_blocks
        )
        # arrays, whatever transform_output is set globally
        scaler.set_output(transform="default")
        self.scaler_ = scaler.fit(X, sample_weight=weights)
        present = self._own_blocks.present(X)
        self.n_tokens_ = {
            block.name: count_tokens(X[has, block.start : block.stop])
            for block, has in zip(self._own_blocks, present.T, strict=True)
            if block.kind == "tokens"
        }

    def _make_inputs(self, X, *, fitting: bool) -> BlockInputs:
        return BlockInputs(self.scaler_.transform(X), self._own_blocks)

    def _make_module(self, inputs, n_outputs, generator) -> FusionNet:
        encoders = self._encoders(inputs.blocks, generator)
        sizes = {name: encoder.out_size for name, encoder in encoders.items()}
        mechanism = make_mechanism(self.mechanism, sizes, self.fusion_size, generator)
        if not getattr(mechanism, "reads_sequences", False):
            self._refuse_sequences(encoders, inputs.blocks)
        heads = sizes.values() if self.auxiliary_loss else ()
        return FusionNet(
            encoders,
            mechanism,
            nn.Linear(mechanism.out_size, n_outputs),
            modality_dropout=self.modality_dropout,
            auxiliary=[nn.Linear(size, n_outputs) for size in heads],
            auxiliary_weights=self._decision_weights(),
            generator=generator,
        )

    def _encoders(self, blocks: Blocks, generator: Any) -> dict[str, nn.Module]:
        chosen = {} if isinstance(self.encoders, str) else self.encoders
        self._refuse_unknown("encoders", chosen)

        def perceptron(width: int) -> MLP:
            return MLP(
                width,
                self.hidden_layer_sizes,
                dropout=self.dropout,
                generator=generator,
            )

        return {
            block.name: make_encoder(
                chosen.get(block.name, "auto"),
                block,
                n_tokens=self.n_tokens_.get(block.name),
                vector=perceptron,
                dropout=self.dropout,
                generator=generator,
            )
            for block in blocks
        }

    def _decision_weights(self) -> list[float]:
        """Return what the heads of the modalities count beside the fused one."""
        if isinstance(self.decision, str) and self.decision == "fused":
            return []
        if not self.auxiliary_loss:
            raise ValueError(
                f"decision={self.decision!r} asks a head on each modality, which only "
                "auxiliary_loss trains, got auxiliary_loss=0. Set it above 0, to 1.0 "
                "for example, or decision='fused'."
            )
        chosen = {} if isinstance(self.decision, str) else self.decision
        self._refuse_unknown("decision", chosen)
        for name, weight in chosen.items():
            if not isinstance(weight, Real) or not 0 <= weight < math.inf:
                raise ValueError(
                    f"A weight of decision must be a finite number of at least 0, got "
                    f"{weight!r} for modality {name!r}."
                )
        return [float(chosen.get(name, 1.0)) for name in self._own_blocks.names]

    def _refuse_unknown(self, parameter: str, chosen: dict) -> None:
        unknown = [name for name in chosen if name not in self.blocks_.names]
        if unknown:
            raise ValueError(
                f"{parameter} names the modalities {unknown}; there are "
                f"{list(self.blocks_.names)}."
            )

    def _refuse_sequences(self, encoders: dict, blocks: Blocks) -> None:
        for name, encoder in encoders.items():
            if isinstance(encoder, nn.Identity) and blocks[name].kind == "sequence":
                raise ValueError(
                    f"The encoder 'identity' leaves modality {name!r} a sequence, "
                    f"which mechanism={self.mechanism!r} does not read. Use "
                    "mechanism='cross_modal', or an encoder."
                )

    def _members_with_prior(
        self,
        X: Any,
        prior: NDArray[np.float64] | float,
        ask: Callable[[Any], NDArray[np.float64]],
        answer: str = "prior",
    ) -> NDArray[np.float64]:
        """Ask the members of validated rows; those without anything get the prior.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        prior : float, or ndarray of shape (n_outputs,)
        ask : callable
            Returns ``(n_members, n_rows, ...)``.
        answer : str, default="prior"
            What a warning calls the prior.
        """
        self._warn_if_untrained(self._own_blocks.present(X))
        n_members = count_members(self._built_with["n_members"])
        priors = np.stack([np.asarray(prior)] * n_members)
        said = with_prior(
            self._own_blocks, X, priors, lambda rows: ask(rows).swapaxes(0, 1), answer
        )
        return said.swapaxes(0, 1)

    def _warn_if_untrained(self, present: NDArray[np.bool_]) -> None:
        """Warn of samples that lack what no training sample lacked."""
        if self._built_with["modality_dropout"] > 0:
            return
        lacking = ~present & self._always_there & present.any(axis=1, keepdims=True)
        if not lacking.any():
            return
        count = np.count_nonzero(lacking.any(axis=1))
        names = np.array(self._own_blocks.names)[lacking.any(axis=0)].tolist()
        warnings.warn(
            f"{count} of {len(present)} samples lack modalities that every training "
            f"sample has, {names}: the net has not been trained to do without. Set "
            "modality_dropout, to 0.3 for example, and fit again.",
            MissingModalityWarning,
            stacklevel=4,
        )
