"""The tested default, with its real weights."""

import numpy as np
import pytest

from mmsk.feature_extraction.pretrained import TransformersEncoder

TEXTS = [
    "A man is playing the guitar.",
    "Someone plays a musical instrument.",
    "The stock market fell sharply on Monday.",
]
# of SentenceTransformer("all-MiniLM-L6-v2").encode(TEXTS), before normalising
FIRST = [
    [0.11358, 0.00338, -0.03007, -0.27204],
    [0.31811, -0.02894, 0.11997, -0.48823],
    [0.24432, -0.07333, 0.37454, 0.20513],
]


@pytest.fixture(scope="module")
def rows():
    return TransformersEncoder().fit_transform([[text] for text in TEXTS])


def test_meaning_is_near(rows):
    units = rows[:, :-1] / np.linalg.norm(rows[:, :-1], axis=1, keepdims=True)
    near, far = units[0] @ units[1], units[0] @ units[2]
    assert near > 0.5 > 0.2 > far


def test_the_mean_is_sentence_transformers(rows):
    assert rows.shape == (3, 385)
    np.testing.assert_allclose(rows[:, :4], FIRST, atol=1e-4)
