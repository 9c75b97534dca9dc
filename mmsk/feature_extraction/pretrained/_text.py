"""Embed texts, in batches of texts of about the same length.

To how many tokens a text is padded is a matter of its own length, and a batch never
has so few tokens that matrix products are computed in the way of small ones. So a row
does not depend on which other rows are computed with it: to the last bit where, as in
MKL, a row of a large product does not depend on how many there are.
"""

import json
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from mmsk._utils._threads import suitable_threads
from mmsk.feature_extraction.pretrained._model import Model
from mmsk.feature_extraction.pretrained._pool import pool

_CHARACTERS = 64
"""Characters a token that are read; real texts have 2 to 6."""
_TOKENS = {"cpu": 1024}
"""Most tokens a batch: what it takes for matrix products at full speed."""
_TOKENS_ELSEWHERE = 16384
_LEAST_TOKENS = 64
_USUAL_LIMIT = 512
_SENTENCES = "sentence_bert_config.json"


def length_limit(model: Model, folder: Path, max_length: int | None) -> int:
    """Return how many tokens of a text are read, special ones included.

    Parameters
    ----------
    model : Model
    folder : Path
        May state a limit for sentences that is lower than the model's.
    max_length : int or None
        A lower limit of the user's.
    """
    limits = [model.prepare.model_max_length]
    positions = getattr(model.config, "max_position_embeddings", None)
    if limits[0] > 2**20:  # the tokenizer states none
        # models of RoBERTa's kind count their positions from 2
        limits = [positions - 2 if positions else _USUAL_LIMIT]
    if (folder / _SENTENCES).is_file():
        stated = json.loads((folder / _SENTENCES).read_text("utf-8"))
        limits.append(stated.get("max_seq_length"))
    limits += [positions, max_length]
    return min(limit for limit in limits if limit)


def text_rows(
    model: Model, texts: list[str], pooling: str, limit: int, n_jobs: int | None
) -> NDArray[np.float32]:
    """Embed texts.

    Parameters
    ----------
    model : Model
    texts : list of str
        None of them empty.
    pooling : {"mean", "cls", "max"}
    limit : int
        How many tokens are read.
    n_jobs : int or None
        Number of threads, each with one thread of torch.

    Returns
    -------
    rows : float32 ndarray of shape (len(texts), size)
    """
    names = {"input_ids", "token_type_ids"} & set(model.prepare.model_input_names)
    names &= set(signature(model.network.forward).parameters)
    with model.lock:
        encoded = [_encode(model.prepare, text, limit, names) for text in texts]
    lengths = [len(each["input_ids"]) for each in encoded]
    tokens = _TOKENS.get(model.device.type, _TOKENS_ELSEWHERE)
    batches = list(_batches(lengths, limit, tokens))

    def embed(members: list[int], width: int, height: int) -> NDArray[np.float32]:
        inputs = _padded(model.prepare, [encoded[i] for i in members], width, height)
        with suitable_threads(0):
            hidden = model.hidden(**inputs)
            rows = pool(hidden, inputs["attention_mask"].bool(), pooling)
            return rows[: len(members)].cpu().numpy()

    computed = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(embed)(*batch) for batch in batches
    )
    output = np.empty((len(texts), computed[0].shape[1]), dtype=np.float32)
    for (members, *_), rows in zip(batches, computed, strict=True):
        output[members] = rows
    return output


def padded_length(length: int, limit: int) -> int:
    """Return to how many tokens a text is padded: at most 1/8 more than it has."""
    step = max(1, 2 ** (length.bit_length() - 4))
    return min(-(-length // step) * step, limit)


def _batches(
    lengths: list[int], limit: int, tokens: int
) -> Iterator[tuple[list[int], int, int]]:
    """Yield the members of each batch, its width in tokens and its height in rows."""
    alike: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        alike.setdefault(padded_length(length, limit), []).append(position)
    for width, members in sorted(alike.items()):
        n_batches = -(-len(members) // max(1, tokens // width))
        for part in np.array_split(members, n_batches):
            yield part.tolist(), width, max(len(part), -(-_LEAST_TOKENS // width))


def _encode(
    tokenizer: Any, text: str, limit: int, names: set[str]
) -> dict[str, list[int]]:
    text = text[: _CHARACTERS * limit]
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        encoded = tokenizer(text, truncation=True, max_length=limit)
        return {name: encoded[name] for name in names}
    # the tokenizer's own call starts threads, one for each processor
    backend.no_padding()
    backend.enable_truncation(limit)
    encoded = backend.encode(text)
    ids = {"input_ids": encoded.ids, "token_type_ids": encoded.type_ids}
    return {name: ids[name] for name in names}


def _padded(
    tokenizer: Any, encoded: list[dict[str, list[int]]], width: int, height: int
) -> dict[str, torch.Tensor]:
    """Return a batch of shape (height, width), filled up with its first text."""
    padding = {
        "input_ids": tokenizer.pad_token_id or 0,
        "token_type_ids": tokenizer.pad_token_type_id,
    }
    lengths = torch.tensor([len(each["input_ids"]) for each in encoded])
    real = torch.arange(width) < lengths[:, None]
    inputs = {"attention_mask": real.long()}
    for name in encoded[0]:
        inputs[name] = torch.full((len(encoded), width), padding[name])
        inputs[name][real] = torch.tensor([id for each in encoded for id in each[name]])
    rows = [*range(len(encoded)), *[0] * (height - len(encoded))]
    return {name: value[rows] for name, value in inputs.items()}
