"""Embed pictures and clips.

One at a time, so that a row cannot depend on its neighbours; a batch of pictures
where a device is made for batches, always of the same size.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mmsk._utils._threads import suitable_threads
from mmsk.feature_extraction.pretrained._model import Model
from mmsk.feature_extraction.pretrained._pool import pool

_WINDOW_S = 30
_SHORTEST_S = 0.1


def image_rows(
    model: Model, pictures: list[NDArray[np.uint8]], pooling: str, batch_size: int
) -> NDArray[np.float32]:
    """Embed pictures.

    Parameters
    ----------
    model : Model
    pictures : list of uint8 ndarray of shape (H, W, 3)
        At most `batch_size`, which are filled up to as many.
    pooling : {"mean", "cls", "max"}
    batch_size : int

    Returns
    -------
    rows : float32 ndarray of shape (len(pictures), size)
    """
    prepared = model.prepare(
        pictures, return_tensors="pt", input_data_format="channels_last"
    )
    pixels = prepared["pixel_values"]
    pixels = pixels[[*range(len(pixels)), *[0] * (batch_size - len(pixels))]]
    with suitable_threads(0):
        rows = pool(model.hidden(pixel_values=pixels), None, pooling)
    # of "cls" they are views of all hidden states, which a row would keep in memory
    return np.ascontiguousarray(rows[: len(pictures)].cpu().numpy())


def audio_row(
    model: Model, samples: NDArray[np.float32], pooling: str
) -> NDArray[np.float32]:
    """Embed a clip, its hidden states those of windows of 30 s.

    Parameters
    ----------
    model : Model
    samples : float32 ndarray of shape (n_samples,)
        At the model's own rate.
    pooling : {"mean", "cls", "max"}

    Returns
    -------
    row : float32 ndarray of shape (size,)
    """
    rate = model.prepare.sampling_rate
    step = _WINDOW_S * rate
    hidden = [
        _window(model, samples[start : start + step], rate)
        for start in range(0, len(samples), step)
    ]
    return pool(torch.cat(hidden, dim=1), None, pooling)[0].cpu().numpy()


def _window(model: Model, samples: NDArray[np.float32], rate: int) -> torch.Tensor:
    """Return the hidden states of shape (1, n_frames, size) of a window."""
    missing = round(_SHORTEST_S * rate) - len(samples)
    if missing > 0:  # convolutions need a few frames
        samples = np.pad(samples, (0, missing))
    inputs = model.prepare(samples, sampling_rate=rate, return_tensors="pt")
    name = model.prepare.model_input_names[0]
    if name == "input_values" and inputs[name].dim() != 2:
        raise ValueError(
            f"{type(model.network).__name__} reads spectrograms of one length, which "
            "is not supported. Use a model of the kind of wav2vec2, HuBERT or Whisper."
        )
    with suitable_threads(0):
        hidden = model.hidden(**{name: inputs[name]})
    if name == "input_values":
        return hidden
    # spectrograms are padded to the length that the model has
    full = inputs[name].shape[-1] * model.prepare.hop_length
    n_frames = -(-len(samples) * hidden.shape[1] // full)
    return hidden[:, :n_frames]
