"""A detection model in a folder, as a callable."""

import hashlib
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsk.feature_extraction._cells._file_digest import file_digest
from mmsk.feature_extraction._cells._quiet_loading import quiet_loading

_SUFFIXES = (".json", ".safetensors", ".bin")


class FolderDetector:
    """Detect with a model of ``transformers``, saved in a folder.

    Parameters
    ----------
    folder : str or os.PathLike

    Attributes
    ----------
    labels : list of str
        What the model calls its classes, in its order.

    Raises
    ------
    ImportError
        If transformers is not installed.
    ValueError
        If the folder holds no weights for a part of the model, such as its head.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        path = Path(folder)
        if find_spec("transformers") is None:
            raise ImportError(
                "A detector in a folder needs transformers: pip install "
                '"mmsk[pretrained]".'
            )
        import torch

        transformers = import_module("transformers")
        self._processor = transformers.AutoImageProcessor.from_pretrained(
            path, local_files_only=True, backend="pil"
        )
        with quiet_loading(transformers), torch.random.fork_rng(devices=[]):
            kind = transformers.AutoModelForObjectDetection
            self._model, report = kind.from_pretrained(
                path, local_files_only=True, output_loading_info=True
            )
        lacking = sorted(report["missing_keys"])
        if lacking:
            raise ValueError(
                f"{os.fspath(path)!r} holds no trained detector: it has no weights "
                f"for {', '.join(lacking[:3])} ..."
            )
        self._model.eval()
        names = self._model.config.id2label
        self.labels = [names[number] for number in sorted(names)]
        self._names = names

    def __call__(self, picture: NDArray[np.uint8]) -> dict[str, Any]:
        """Return boxes, labels and scores of one picture."""
        import torch

        from mmsk._utils._threads import suitable_threads

        with suitable_threads(0), torch.inference_mode():
            inputs = self._processor(images=picture, return_tensors="pt")
            outputs = self._model(**inputs)
            (found,) = self._processor.post_process_object_detection(
                outputs, threshold=0.0, target_sizes=[picture.shape[:2]]
            )
        return {
            "boxes": found["boxes"].numpy(),
            "scores": found["scores"].numpy(),
            "labels": [self._names[int(number)] for number in found["labels"]],
        }


def detector_digest(detector: Any, store_id: str | None) -> str | None:
    """Return what tells a detector from others: its name, or its folder's content.

    Raises
    ------
    ValueError
        If the folder holds no model.
    """
    if callable(detector):
        return store_id
    folder = Path(detector)
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"detector={str(folder)!r} is no folder with a saved model: there is no "
            "config.json in it."
        )
    digest = hashlib.sha256(usedforsecurity=False)
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES:
            digest.update(f"{path.name}\0{file_digest(path)}\0".encode())
    return digest.hexdigest()
