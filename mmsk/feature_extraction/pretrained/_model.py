"""Load a pretrained model once a process."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmsk.feature_extraction._cells._quiet_loading import quiet_loading
from mmsk.feature_extraction.pretrained._locate import import_optional

_KEPT = 2  # models in memory
_PREPARERS = {
    "text": "AutoTokenizer",
    "image": "AutoImageProcessor",
    "audio": "AutoFeatureExtractor",
}
# what models of several modalities call the half that reads one
_HALVES = {"text": "text", "image": "vision", "audio": "audio"}
# weights that a saved model may lack: they have no part in its hidden states
_UNUSED = ("pooler", "masked_spec_embed")

_models: OrderedDict[tuple, "Model"] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Model:
    """A network ready to be asked, and what prepares its input.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, on `device`, in float32; the half that reads the
        modality where there are several, the encoder where there is a decoder.
    prepare : tokenizer, image processor or feature extractor of transformers
    config : configuration of transformers
        Of that half.
    device : torch.device
    lock : threading.Lock
        To be held where the preparer is changed.
    """

    network: nn.Module
    prepare: Any
    config: Any
    device: torch.device
    lock: threading.Lock

    def hidden(self, **inputs: Tensor) -> Tensor:
        """Return the last hidden states, of shape (n, n_positions, size)."""
        with torch.inference_mode():
            inputs = {name: value.to(self.device) for name, value in inputs.items()}
            return self.network(**inputs).last_hidden_state


def load_model(folder: Path, digest: str, modality: str, device: torch.device) -> Model:
    """Return the model of a folder; the last two are kept in memory.

    Parameters
    ----------
    folder : Path
    digest : str
        Fingerprint of the folder.
    modality : {"text", "image", "audio"}
    device : torch.device

    Raises
    ------
    ValueError
        If the folder holds no such model, or weights are missing.
    """
    key = digest, modality, device
    with _lock:
        if key not in _models:
            _models[key] = _load(folder, modality, device)
            while len(_models) > _KEPT:
                _models.popitem(last=False)
        _models.move_to_end(key)
        return _models[key]


def embedding_size(folder: Path, modality: str) -> int:
    """Return the width of a model's hidden states, without loading its weights."""
    with _explained(folder, modality):
        config = import_optional("transformers").AutoConfig.from_pretrained(
            folder, **_LOCAL
        )
        config = _half(config, modality, "config")
        sizes = getattr(config, "hidden_sizes", None)  # of convolutional models
        return int(sizes[-1] if sizes else config.hidden_size)


_LOCAL = {"local_files_only": True, "trust_remote_code": False}


def _load(folder: Path, modality: str, device: torch.device) -> Model:
    transformers = import_optional("transformers")
    with _explained(folder, modality):
        with torch.random.fork_rng(devices=[]), quiet_loading(transformers):
            prepare = getattr(transformers, _PREPARERS[modality])
            prepare = prepare.from_pretrained(folder, **_LOCAL)
            network, report = transformers.AutoModel.from_pretrained(
                folder, dtype=torch.float32, output_loading_info=True, **_LOCAL
            )
        lacking = sorted(
            name
            for name in report["missing_keys"]
            if not any(unused in name for unused in _UNUSED)
        )
        if lacking:
            raise ValueError(f"it has no weights for {', '.join(lacking[:3])} ...")
        network = _half(network, modality, "model")
        if getattr(network.config, "is_encoder_decoder", False):
            network = network.get_encoder()
    network.requires_grad_(False).eval().to(device)
    return Model(network, prepare, network.config, device, threading.Lock())


def _half(whole: Any, modality: str, kind: str) -> Any:
    return getattr(whole, f"{_HALVES[modality]}_{kind}", None) or whole


@contextmanager
def _explained(folder: Path, modality: str) -> Iterator[None]:
    """Say of every failure which folder was to be loaded, and as what."""
    try:
        yield
    except ImportError:
        raise
    # a broken folder shows itself in whatever part of the library stumbles over it
    except Exception as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(
            f"The folder {str(folder)!r} cannot be loaded as a model of {modality}: "
            f"{reason.removesuffix('.')}. Pass modality= as the model's own, and a "
            "folder with its configuration, weights and preprocessor, as "
            "save_pretrained writes them."
        ) from error
