"""Regions of a picture and what is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Regions:
    """The regions of one picture.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the picture.
    boxes : float ndarray of shape (k, 4)
        Left, top, right, bottom in pixels.
    labels : list of length k
    scores : float ndarray of shape (k,)
    masks : bool ndarray of shape (k, height, width), or None
    """

    shape: tuple[int, int]
    boxes: NDArray[np.float64]
    labels: list
    scores: NDArray[np.float64]
    masks: NDArray[np.bool_] | None

    def above(self, threshold: float) -> "Regions":
        """Return the regions with at least this score."""
        return self.take(np.flatnonzero(self.scores >= threshold))

    def take(self, which: NDArray[np.intp]) -> "Regions":
        """Return some of the regions."""
        return Regions(
            self.shape,
            self.boxes[which],
            [self.labels[position] for position in which],
            self.scores[which],
            None if self.masks is None else self.masks[which],
        )

    def windows(self) -> list[tuple[slice, slice]]:
        """Return rows and columns of the boxes that hold at least a pixel."""
        height, width = self.shape
        low = np.floor(self.boxes[:, :2]).clip(0, [width, height]).astype(int)
        high = np.ceil(self.boxes[:, 2:]).clip(0, [width, height]).astype(int)
        return [
            (slice(top, bottom), slice(left, right))
            for (left, top), (right, bottom) in zip(low, high, strict=True)
            if top < bottom and left < right
        ]

    def covered(self) -> float:
        """Return the share of the picture that lies in any region."""
        if self.masks is not None:
            inside = self.masks.any(axis=0) if len(self.masks) else np.zeros(1)
            return float(inside.mean())
        inside = np.zeros(self.shape, dtype=bool)
        for window in self.windows():
            inside[window] = True
        return float(inside.mean())


def as_regions(found: Any, shape: tuple[int, int]) -> Regions:
    """Check what a detector returned for a picture of some height and width.

    Raises
    ------
    ValueError
        If it is not as described.
    """
    if not isinstance(found, Mapping) or not {"boxes", "labels"} <= set(found):
        got = list(found) if isinstance(found, Mapping) else type(found).__name__
        raise ValueError(
            f"A detector must return a mapping with 'boxes' and 'labels', got {got}."
        )
    boxes = np.asarray(found["boxes"], dtype=np.float64).reshape(-1, 4)
    labels = [
        label.item() if hasattr(label, "item") else label for label in found["labels"]
    ]
    scores = found.get("scores")
    scores = np.ones(len(boxes)) if scores is None else np.asarray(scores, np.float64)
    masks = found.get("masks")
    masks = None if masks is None else np.asarray(masks).astype(bool)
    if len(labels) != len(boxes) or scores.shape != (len(boxes),):
        raise ValueError(
            f"A detector returned {len(boxes)} boxes, {len(labels)} labels and scores "
            f"of shape {scores.shape}."
        )
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise ValueError("A detector returned boxes or scores that are not finite.")
    if masks is not None and masks.size == 0:
        masks = masks.reshape(0, *shape)
    if masks is not None and masks.shape != (len(boxes), *shape):
        raise ValueError(
            f"A detector returned masks of shape {masks.shape} for {len(boxes)} boxes "
            f"in a picture of shape {shape}."
        )
    return Regions(shape, boxes, labels, scores, masks)


def describe(regions: Regions, labels: Sequence) -> NDArray[np.float64]:
    """Return count, covered share and best score, of each label and of all.

    Returns
    -------
    features : float64 ndarray of shape (3 * (n_labels + 1),)
    """
    parts = [
        regions.take(np.flatnonzero([own == label for own in regions.labels]))
        for label in labels
    ]
    return np.array(
        [
            value
            for part in (*parts, regions)
            for value in (
                len(part.labels),
                part.covered(),
                part.scores.max(initial=0.0),
            )
        ]
    )
