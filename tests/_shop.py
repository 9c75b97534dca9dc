"""A small shop: titles, picture files and numbers; the label needs two of them."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mmsk.compose import ModalityTransformer
from mmsk.feature_extraction.image import HOGExtractor
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import TfidfExtractor

ODD = ["red", "blue", "green"]
EVEN = ["cat", "dog", "cow"]


def write_shop(folder: Path, n_samples: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    """Write pictures into a folder; return the table and the labels.

    A word of the title and the direction of the picture's stripes are two coins;
    the label is their number of heads, so one modality alone is right at most in
    three rows of four.
    """
    random = np.random.default_rng(0)
    word, across = random.integers(2, size=(2, n_samples))
    photos = []
    for row, direction in enumerate(across):
        picture = random.integers(0, 60, size=(32, 32, 3), dtype=np.uint8)
        picture[row % 4 :: 8] += np.uint8(180)
        picture = picture if direction else picture.transpose(1, 0, 2)
        photos.append(f"{row}.png")
        Image.fromarray(np.ascontiguousarray(picture)).save(folder / photos[-1])
    titles = [
        f"{random.choice(ODD if w else EVEN)} {random.choice(ODD)}s" for w in word
    ]
    X = pd.DataFrame(
        {
            "title": titles,
            "photo": photos,
            "price": random.normal(size=n_samples),
            "author": random.integers(12, size=n_samples).astype(str),
        }
    )
    return X, np.array(["none", "one", "two"])[word + across]


def shop_features(
    root: Path, *, memory=None, image: HOGExtractor | None = None, **params
) -> ModalityTransformer:
    """Return the features of a shop; `params` go to the image extractor."""
    image = HOGExtractor() if image is None else image
    image.set_params(size=32, pixels_per_cell=8, color_bins=0, root=root, **params)
    return ModalityTransformer(
        [
            ("text", TfidfExtractor(), ["title"]),
            ("image", image, ["photo"]),
            ("table", TableExtractor(), ["price"]),
        ],
        memory=memory,
    )


class LoggingHOGExtractor(HOGExtractor):
    """Appends a line to a file beside the pictures for each that it decodes."""

    _store_id = "tests.LoggingHOGExtractor"

    def _decode(self, content):
        with (Path(self.root) / "decoded.log").open("a") as log:
            log.write("1\n")
        return super()._decode(content)


def n_decoded(root: Path) -> int:
    """Return how many pictures were decoded, by all processes, and forget them."""
    log = root / "decoded.log"
    count = len(log.read_text().splitlines()) if log.exists() else 0
    log.unlink(missing_ok=True)
    return count
