import warnings

import numpy as np
import pytest

from mmsk.compose import ModalityTransformer, MultimodalClassifier
from mmsk.exceptions import SingleBlockWarning
from mmsk.feature_extraction.image import ImageTensorizer
from mmsk.fusion import IntermediateFusionClassifier
from mmsk.media import resize_image
from mmsk.modules import ImageAugmenter, ImageCNN
from mmsk.store import FeatureStore
from tests.feature_extraction._samples import color, noise, table


def tensors(extractor, X):
    block = extractor.fit(X).block_
    assert block.kind == "image"
    rows = extractor.transform(X)
    assert rows.dtype == np.float32
    assert rows.shape[1] == block.width + 1
    return rows[:, :-1].reshape(len(rows), *block.shape), rows[:, -1]


def test_a_row_is_the_picture_channels_first():
    pictures = noise(3, 20)
    got, present = tensors(
        ImageTensorizer(size=(6, 5)), table(*[[picture] for picture in pictures])
    )
    assert got.shape == (3, 3, 6, 5)
    for picture, tensor in zip(pictures, got, strict=True):
        small = resize_image(picture, (6, 5))
        np.testing.assert_allclose(tensor, small.transpose(2, 0, 1) / 255, rtol=1e-6)
    np.testing.assert_array_equal(present, 1)


def test_columns_stand_below_each_other():
    first, second = noise(2, 4)
    X = table([first, second], [second, None])
    got, present = tensors(ImageTensorizer(size=4, missing="zero"), X)
    assert got.shape == (2, 3, 8, 4)
    stacked = np.vstack([first, second]).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(got[0], stacked, rtol=1e-6)
    np.testing.assert_allclose(
        got[1, :, :4], second.transpose(2, 0, 1) / 255, rtol=1e-6
    )
    np.testing.assert_array_equal(got[1, :, 4:], 0)
    np.testing.assert_array_equal(present, 1)


def test_names_follow_the_layout():
    one = ImageTensorizer(size=(1, 2)).fit(table([noise(1)[0]]))
    assert one.get_feature_names_out().tolist() == [
        *(f"x0_{c}_r0c{i}" for c in ("red", "green", "blue") for i in (0, 1)),
        "modality_present",
    ]
    two = ImageTensorizer(size=1).fit(table([*noise(2)]))
    assert two.get_feature_names_out()[:3].tolist() == [
        "x0+x1_red_r0c0",
        "x0+x1_red_r1c0",
        "x0+x1_green_r0c0",
    ]


def test_a_missing_picture_is_the_mean_colour_of_fit():
    X = table([color(0, 51, 255) / 255], [color(255, 51, 0) / 255], [None])
    weighted = ImageTensorizer(size=2).fit(X, sample_weight=[3, 1, 1])
    row = weighted.transform(X)[2]
    np.testing.assert_allclose(row[:-1].reshape(3, 4).T, [[0.25, 0.2, 0.75]] * 4)
    assert row[-1] == 0


def test_several_pictures_in_a_cell():
    first, second = noise(2, 4)
    X = table([[first, second]], [[None, second]])
    got, _ = tensors(ImageTensorizer(size=4), X)
    np.testing.assert_allclose(got[0], first.transpose(2, 0, 1) / 255, rtol=1e-6)
    np.testing.assert_allclose(got[1], second.transpose(2, 0, 1) / 255, rtol=1e-6)
    got, _ = tensors(ImageTensorizer(size=4, cell_pooling="mean"), X)
    mean = np.mean([first, second], axis=0).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(got[0], mean, rtol=1e-6)


def test_too_large_a_block_is_refused_before_it_is_made():
    X = table(*[[picture] for picture in noise(3)])
    limit = 4 * 3 * (3 * 16 + 1)
    ImageTensorizer(size=4, max_block_bytes=limit).fit(X)
    with pytest.raises(ValueError, match=f"3 rows .* take {limit} bytes, more than"):
        ImageTensorizer(size=4, max_block_bytes=limit - 1).fit(X)


def test_the_limit_is_not_in_the_key(tmp_path):
    store = FeatureStore(tmp_path)
    X = table(*[[picture] for picture in noise(3)])
    for limit in (10_000, 20_000):
        ImageTensorizer(size=4, max_block_bytes=limit, memory=store).fit(X)
    assert store.info().written == 3
    ImageTensorizer(size=5, memory=store).fit(X)
    assert store.info().written == 6


@pytest.mark.parametrize("size", [(3,), (4, 0), (4, 4, 3), [2, "a"]])
def test_sizes_are_checked(size):
    with pytest.raises(ValueError, match="size must be an int or"):
        ImageTensorizer(size=size).fit(table([noise(1)[0]]))


def test_no_raw_block_is_filled_with_nan():
    with pytest.raises(ValueError, match="The 'missing' parameter of ImageTensorizer"):
        ImageTensorizer(missing="nan").fit(table([noise(1)[0]]))


def test_an_encoder_is_trained_on_it():
    import pandas as pd

    pictures = [picture // 3 for picture in noise(40, 16)]
    for row, picture in enumerate(pictures):
        stripes = picture[::4] if row % 2 else picture[:, ::4]
        stripes += 150
    column = np.empty(40, dtype=object)
    column[:] = pictures
    X, y = pd.DataFrame({"photo": column}), np.array(["along", "across"] * 20)
    encoder = ImageCNN(
        (3, 16, 16), widths=(8, 16), out_size=8, augment=ImageAugmenter(flip=0.5)
    )
    features = ModalityTransformer([("image", ImageTensorizer(size=16), ["photo"])])
    model = MultimodalClassifier(
        features,
        IntermediateFusionClassifier(
            encoders={"image": encoder}, max_epochs=15, lr=0.01, random_state=0
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingleBlockWarning)
        assert model.fit(X, y).score(X, y) == 1
        one_by_one = [model.predict_proba(X[i : i + 1])[0] for i in range(40)]
    np.testing.assert_allclose(one_by_one, model.predict_proba(X), atol=1e-5)
