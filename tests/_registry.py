"""One list of small instances of every public estimator, for the common tests.

An estimator stands here at its defaults, except for knobs of size (epochs, trees,
members) and for the arguments it cannot do without.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import mmsk
from mmsk.compose import (
    Block,
    BlockReducer,
    Blocks,
    BlockScaler,
    BlockSelector,
    ModalityTransformer,
    MultimodalClassifier,
    MultimodalRegressor,
    NamedColumns,
)
from mmsk.ensemble import (
    EnsembleSelectionClassifier,
    EnsembleSelectionRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
    ModalityBaggingClassifier,
    ModalityBaggingRegressor,
    ModalityBoostingClassifier,
    ModalityStackingClassifier,
    ModalityStackingRegressor,
)
from mmsk.feature_extraction.audio import (
    MelSpectrogramExtractor,
    MFCCExtractor,
    SpectralExtractor,
    WaveformExtractor,
)
from mmsk.feature_extraction.image import (
    CNNExtractor,
    ColorExtractor,
    HOGExtractor,
    ImageTensorizer,
    PixelExtractor,
    RegionExtractor,
)
from mmsk.feature_extraction.pretrained import TransformersEncoder
from mmsk.feature_extraction.tabular import TableExtractor
from mmsk.feature_extraction.text import (
    TextStatisticsExtractor,
    TfidfExtractor,
    TokenSequencer,
    WordEmbeddingEncoder,
)
from mmsk.fusion import (
    EarlyFusionClassifier,
    EarlyFusionRegressor,
    IntermediateFusionClassifier,
    IntermediateFusionRegressor,
    LateFusionClassifier,
    LateFusionRegressor,
)
from mmsk.fusion._mechanisms import MECHANISMS
from mmsk.media import read_audio
from mmsk.model_selection import (
    FusionSearchCV,
    SearchEnsembleClassifier,
    SearchEnsembleRegressor,
)
from mmsk.neural_network import NeuralClassifier, NeuralRegressor, SupervisedEncoder
from tests._models import SavedModel

EPOCHS = 20
TREES = 10


class CheckedTransformersEncoder(TransformersEncoder):
    """The encoder for scikit-learn's suite: it reads a number as a word."""

    def _read_cell(self, cell):
        return super()._read_cell(f"{cell:.2g}" if isinstance(cell, Real) else cell)


class CheckedWordEmbeddingEncoder(WordEmbeddingEncoder):
    """The encoder for scikit-learn's suite: it reads a number as three words."""

    def _read_cell(self, cell):
        words = f"and word{cell:.1g} and" if isinstance(cell, Real) else cell
        return super()._read_cell(words)


class CheckedTokenSequencer(TokenSequencer):
    """The sequencer for scikit-learn's suite: it reads a number as three words."""

    def _read_cell(self, cell):
        words = f"and word{cell:.1g} and" if isinstance(cell, Real) else cell
        return super()._read_cell(words)


class CheckedTextStatisticsExtractor(TextStatisticsExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a word."""

    def _read_cell(self, cell):
        word = f"word{cell:.2g}" if isinstance(cell, Real) else cell
        return super()._read_cell(word)


class CheckedTfidfExtractor(TfidfExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a word."""

    def _read_cell(self, cell):
        word = f"word{cell:.2g}" if isinstance(cell, Real) else cell
        return super()._read_cell(word)


def as_picture(cell):
    """Return a number as a picture of one grey."""
    if isinstance(cell, Real):
        return np.full((8, 8), int(abs(cell) * 10) % 256, dtype=np.uint8)
    return cell


class CheckedHOGExtractor(HOGExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class CheckedColorExtractor(ColorExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class CheckedPixelExtractor(PixelExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class CheckedImageTensorizer(ImageTensorizer):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class CheckedCNNExtractor(CNNExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class CheckedRegionExtractor(RegionExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a picture."""

    def _read_cell(self, cell):
        return super()._read_cell(as_picture(cell))


class Named:
    """A function; its repr, and so the id of a test, has no place in memory."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __repr__(self) -> str:
        return self.function.__name__.strip("_")


def _find_light(picture: np.ndarray) -> dict[str, list]:
    """Return the box of what is bright in a picture: a detector."""
    rows, columns = np.nonzero(picture.max(axis=2) >= 128)
    if not len(rows):
        return {"boxes": [], "labels": []}
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return {"boxes": [box], "labels": ["light"], "scores": [picture.mean() / 255]}


find_light = Named(_find_light)


def clip_of(number: Any) -> Any:
    """Return a clip for a number, anything else as it is."""
    if not isinstance(number, Real):
        return number
    step = 0.1 + abs(number) % 2
    return np.sin(np.arange(400) * step) / 2, 16000


def _moments(waveforms: np.ndarray) -> np.ndarray:
    """Describe each waveform by two numbers."""
    return np.stack([waveforms.mean(axis=1), waveforms.std(axis=1)], axis=1)


moments = Named(_moments)


class CheckedMFCCExtractor(MFCCExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a clip."""

    def _read_cell(self, cell):
        return super()._read_cell(clip_of(cell))


class CheckedMelSpectrogramExtractor(MelSpectrogramExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a clip."""

    def _read_cell(self, cell):
        return super()._read_cell(clip_of(cell))


class CheckedSpectralExtractor(SpectralExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a clip."""

    def _read_cell(self, cell):
        return super()._read_cell(clip_of(cell))


class CheckedWaveformExtractor(WaveformExtractor):
    """The extractor for scikit-learn's suite: it reads a number as a clip."""

    def _read_cell(self, cell):
        return super()._read_cell(clip_of(cell))


@dataclass
class Entry:
    """An instance for scikit-learn's suite.

    Parameters
    ----------
    estimator : estimator
    expected_failures : dict of str to str
        Names of checks that cannot hold, each with a sentence that says why.
    """

    estimator: Any
    expected_failures: dict[str, str] = field(default_factory=dict)

    @property
    def public(self) -> type:
        """The public class that the instance stands for."""
        kind = type(self.estimator)
        return kind.__base__ if kind.__name__.startswith("Checked") else kind


def two_tables() -> ModalityTransformer:
    """Return features of two modalities for tables of numbers."""
    return ModalityTransformer(
        [
            ("first", TableExtractor(), slice(0, 1)),
            ("others", TableExtractor(), slice(1, None)),
        ]
    )


CLASSIFIERS = [
    ("linear", LogisticRegression()),
    ("tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
]
REGRESSORS = [
    ("linear", Ridge(tol=1e-12)),  # exact on sparse matrices too
    ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
]

SPLITS = (
    "A leaf needs min_child_samples rows and bins are made of rows, whatever they "
    "weigh: a weight is not the same as a repeated row in LightGBM."
)

CHANCES = (
    "Rows are drawn with the weights as chances: where a row stands twice, other rows "
    "are drawn."
)

TIES = (
    "Stumps choose among splits that are equally good but for the last bit, and it is "
    "not the same where a row stands twice. Linear learners are held to it."
)

PURE_LEAF = (
    "A stump with a leaf of the light class alone predicts that class there, whatever "
    "it weighs; trees pass by min_weight_fraction_leaf, which the check cannot set."
)

OUT_OF_FOLD = (
    "fit_transform encodes each row by an encoder that has not seen it, so it differs "
    "from fit().transform() by design."
)

ENTRIES = [
    Entry(CheckedTfidfExtractor()),
    Entry(CheckedTextStatisticsExtractor()),
    Entry(CheckedTransformersEncoder(SavedModel("bert"))),
    Entry(CheckedWordEmbeddingEncoder()),
    Entry(CheckedTokenSequencer()),
    Entry(CheckedHOGExtractor()),
    Entry(CheckedColorExtractor()),
    Entry(CheckedPixelExtractor()),
    Entry(CheckedImageTensorizer(size=8)),
    # weights may not be installed
    Entry(CheckedCNNExtractor("resnet18", weights=None, size=16, layer="layer1")),
    Entry(CheckedRegionExtractor(find_light, classes=["light"])),
    Entry(CheckedMFCCExtractor()),
    Entry(CheckedMelSpectrogramExtractor()),
    Entry(CheckedSpectralExtractor()),
    Entry(CheckedWaveformExtractor(moments)),
    Entry(TableExtractor()),
    Entry(TableExtractor(scale="quantile", embedding="piecewise", add_indicator=True)),
    Entry(TableExtractor(embedding="periodic", embedding_size=2)),
    Entry(BlockScaler()),
    Entry(BlockSelector()),
    Entry(BlockReducer()),
    Entry(two_tables()),
    Entry(NeuralClassifier(max_epochs=EPOCHS)),
    Entry(NeuralRegressor(max_epochs=EPOCHS)),
    Entry(
        SupervisedEncoder(estimator=NeuralClassifier(max_epochs=EPOCHS)),
        {
            "check_transformer_general": OUT_OF_FOLD,  # two checks of this name
            "check_transformer_data_not_an_array": OUT_OF_FOLD,
        },
    ),
    Entry(EarlyFusionClassifier()),
    Entry(EarlyFusionRegressor()),
    *(
        Entry(LateFusionClassifier(combine=combine))
        for combine in ("mean", "product", "vote", "confidence", "weighted", "stack")
    ),
    *(
        Entry(LateFusionRegressor(combine=combine))
        for combine in ("mean", "median", "weighted", "stack")
    ),
    *(
        Entry(IntermediateFusionClassifier(mechanism, max_epochs=EPOCHS))
        for mechanism in ("concat", "gated")
    ),
    Entry(IntermediateFusionRegressor(max_epochs=EPOCHS)),
    *(
        Entry(kind(auxiliary_loss=1.0, decision="hybrid", max_epochs=EPOCHS))
        for kind in (IntermediateFusionClassifier, IntermediateFusionRegressor)
    ),
    Entry(
        LightGBMClassifier(n_estimators=TREES),
        {
            "check_sample_weight_equivalence_on_dense_data": SPLITS,
            "check_sample_weight_equivalence_on_sparse_data": SPLITS,
        },
    ),
    Entry(
        LightGBMRegressor(n_estimators=TREES),
        {
            "check_sample_weight_equivalence_on_dense_data": SPLITS,
            "check_sample_weight_equivalence_on_sparse_data": SPLITS,
        },
    ),
    Entry(ModalityStackingClassifier(CLASSIFIERS)),
    Entry(ModalityStackingClassifier(CLASSIFIERS[:1], stack_method="logit")),
    Entry(ModalityStackingRegressor(REGRESSORS)),
    Entry(
        ModalityBaggingClassifier(n_estimators=3),
        {
            "check_sample_weight_equivalence_on_dense_data": CHANCES,
            "check_sample_weight_equivalence_on_sparse_data": CHANCES,
        },
    ),
    Entry(
        ModalityBaggingRegressor(n_estimators=3),
        {
            "check_sample_weight_equivalence_on_dense_data": CHANCES,
            "check_sample_weight_equivalence_on_sparse_data": CHANCES,
        },
    ),
    Entry(ModalityBaggingClassifier(n_estimators=3, bootstrap=False)),
    Entry(ModalityBaggingRegressor(n_estimators=3, bootstrap=False)),
    Entry(
        ModalityBoostingClassifier(n_estimators=5),
        {
            "check_sample_weight_equivalence_on_dense_data": TIES,
            "check_sample_weight_equivalence_on_sparse_data": TIES,
            "check_class_weight_classifiers": PURE_LEAF,
        },
    ),
    Entry(EnsembleSelectionClassifier(CLASSIFIERS)),
    Entry(EnsembleSelectionRegressor(REGRESSORS)),
    # where fits fail scikit-learn's searches warn, which is an error here
    Entry(
        FusionSearchCV(
            LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, error_score="raise"
        )
    ),
    Entry(FusionSearchCV(Ridge(), {"alpha": [0.1, 1]}, cv=2, error_score="raise")),
    Entry(SearchEnsembleClassifier(CLASSIFIERS)),
    Entry(SearchEnsembleRegressor(REGRESSORS)),
    # trees: a linear model of the float32 matrix is equal to 1e-5, not to 1e-7
    Entry(
        MultimodalClassifier(two_tables(), LightGBMClassifier(n_estimators=TREES)),
        {"check_sample_weight_equivalence_on_dense_data": SPLITS},
    ),
    Entry(MultimodalRegressor(two_tables(), LightGBMRegressor(n_estimators=TREES))),
    Entry(NamedColumns(LogisticRegression())),
    Entry(NamedColumns(Ridge())),
]


def public_estimators() -> Iterator[type]:
    """Yield every estimator class that a public package of mmsk exports."""
    for found in pkgutil.walk_packages(mmsk.__path__, "mmsk."):
        private = any(part.startswith("_") for part in found.name.split("."))
        if private or not found.ispkg:
            continue
        package = importlib.import_module(found.name)
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isclass(value) and issubclass(value, BaseEstimator):
                yield value


@dataclass
class Case:
    """An instance with data of its own kind, for the house's contracts.

    Parameters
    ----------
    estimator : estimator
    X : DataFrame or ndarray
    y : ndarray
    change : dict
        Parameters that change what the fitted estimator answers.
    absent : DataFrame or ndarray
        X without one of its modalities, where it has several.
    """

    estimator: Any
    X: Any
    y: Any
    change: dict[str, Any]
    absent: Any = None

    @property
    def name(self) -> str:
        """What the test is called."""
        words = [type(self.estimator).__name__]
        for word in ("combine", "mechanism"):
            if hasattr(self.estimator, word):
                words.append(getattr(self.estimator, word))
        return "-".join(words)


WORDS = ["red", "green", "blue", "old", "new"]


def table(n_samples: int = 48) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows of text, picture and numbers whose label needs two of them."""
    random = np.random.default_rng(0)
    word = random.integers(2, size=n_samples)
    stripe = random.integers(2, size=n_samples)
    titles = [f"{WORDS[w]} {WORDS[random.integers(2, 5)]}" for w in word]
    pictures = np.empty(n_samples, dtype=object)
    for row, across in enumerate(stripe):
        picture = random.integers(0, 40, size=(32, 32, 3), dtype=np.uint8)
        picture[::8] += np.uint8(200)
        pictures[row] = picture if across else picture.transpose(1, 0, 2).copy()
    X = pd.DataFrame(
        {
            "title": titles,
            "photo": pictures,
            "price": random.normal(size=n_samples),
            "shop": random.choice(["a", "b", "c"], size=n_samples),
        }
    )
    return X, np.array(["both", "one", "none"])[2 - word - stripe]


def clips(n_samples: int) -> pd.DataFrame:
    """Return a column of clips of different lengths, as the bytes of files."""
    random = np.random.default_rng(2)
    waves = [random.normal(0, 0.1, size=2000 + 50 * row) for row in range(n_samples)]
    return pd.DataFrame({"clip": [read_audio((wave, 16000)) for wave in waves]})


def matrix() -> tuple[np.ndarray, np.ndarray, Blocks, np.ndarray]:
    """Return a matrix of two blocks, labels, layout, and it without a modality."""
    random = np.random.default_rng(1)
    X = random.normal(size=(60, 6)).astype(np.float32)
    X[:, 4] = 1.0
    y = np.where(X[:, 0] + X[:, 5] > 0, "yes", "no")
    absent = X.copy()
    absent[:, :5] = 0.0
    blocks = Blocks([Block("image", 0, 4, indicator=4), Block("table", 5, 6)])
    return X, y, blocks, absent


def classifiers_of(features: ModalityTransformer) -> list[tuple[str, Any]]:
    """Return two classifiers of whole tables."""
    return [
        (name, MultimodalClassifier(features, estimator))
        for name, estimator in (
            ("early", EarlyFusionClassifier()),
            ("late", LateFusionClassifier()),
        )
    ]


def cases() -> list[Case]:
    """Return the instances for the house's contracts."""
    X, y = table()
    text, photo, numbers = X[["title"]], X[["photo"]], X[["price", "shop"]]
    M, label, blocks, absent = matrix()
    number = M[:, 0] + M[:, 5]
    features = ModalityTransformer(
        [
            ("text", TfidfExtractor(), ["title"]),
            ("image", HOGExtractor(size=32), ["photo"]),
            ("table", TableExtractor(), ["price", "shop"]),
        ]
    )
    untitled = X.assign(title=None)
    nets = {"max_epochs": EPOCHS, "random_state": 0}
    classifiers = [
        ("image", EarlyFusionClassifier(modalities=["image"])),
        ("table", make_pipeline(BlockSelector("table"), LogisticRegression())),
    ]
    regressors = [
        ("image", EarlyFusionRegressor(modalities=["image"])),
        ("table", make_pipeline(BlockSelector("table"), Ridge())),
    ]
    return [
        Case(TfidfExtractor(), text, y, {"ngram_range": (1, 2)}),
        Case(TransformersEncoder(SavedModel("bert")), text, y, {"pooling": "cls"}),
        Case(WordEmbeddingEncoder(), text, y, {"pooling": "sif"}),
        Case(TokenSequencer(), text, y, {"max_length": 1}),
        Case(TfidfExtractor(n_components=3, random_state=0), text, y, {"norm": None}),
        Case(TextStatisticsExtractor(), text, y, {"log_counts": False}),
        Case(HOGExtractor(size=32), photo, y, {"color_bins": 2}),
        Case(ColorExtractor(size=32), photo, y, {"color_space": "rgb"}),
        Case(PixelExtractor(size=8), photo, y, {"grey": True}),
        Case(ImageTensorizer(size=8), photo, y, {"size": 9}),
        Case(
            CNNExtractor("resnet18", weights=None, size=32, layer="layer1"),
            photo,
            y,
            {"pooling": "max"},
        ),
        Case(
            RegionExtractor(find_light, classes=["light"], score_threshold=0.0),
            photo,
            y,
            {"score_threshold": 0.3},
        ),
        Case(MFCCExtractor(n_mels=40), clips(len(y)), y, {"lifter": 22}),
        Case(MelSpectrogramExtractor(n_mels=40), clips(len(y)), y, {"top_db": 9.0}),
        Case(SpectralExtractor(), clips(len(y)), y, {"roll_percent": 0.5}),
        Case(WaveformExtractor(moments), clips(len(y)), y, {"n_samples": 99}),
        Case(TableExtractor(), numbers, y, {"scale": None}),
        Case(
            TableExtractor(scale="quantile", encoding="ordinal", embedding="piecewise"),
            numbers,
            y,
            {"embedding_size": 3},
        ),
        Case(BlockScaler(blocks=blocks), M, label, {"block_norm": None}),
        Case(BlockSelector(blocks=blocks), M, label, {"modalities": ["table"]}),
        Case(BlockReducer(2, blocks=blocks), M, label, {"n_components": 3}),
        Case(features, X, y, {"text": "drop"}, untitled),
        Case(NeuralClassifier(**nets), M, label, {"module": "residual_mlp"}),
        Case(NeuralRegressor(**nets), M, number, {"module": "residual_mlp"}),
        Case(
            SupervisedEncoder(
                estimator=NeuralClassifier(**nets),
                blocks=Blocks([Block("image", 0, 4, indicator=4)]),
                random_state=0,
            ),
            M[:, :5],
            label,
            {"estimator__max_epochs": 2},
        ),
        Case(
            EarlyFusionClassifier(blocks=blocks),
            M,
            label,
            {"estimator": LogisticRegression(C=0.01)},
            absent,
        ),
        Case(
            EarlyFusionRegressor(blocks=blocks),
            M,
            number,
            {"estimator": Ridge(alpha=1e4)},
            absent,
        ),
        *(
            Case(
                LateFusionClassifier(combine=combine, blocks=blocks),
                M,
                label,
                {"estimator": LogisticRegression(C=1e-4)},
                absent,
            )
            for combine in (
                "mean",
                "product",
                "vote",
                "confidence",
                "weighted",
                "stack",
            )
        ),
        *(
            Case(
                LateFusionRegressor(combine=combine, blocks=blocks),
                M,
                number,
                {"estimator": Ridge(alpha=1e4)},
                absent,
            )
            for combine in ("mean", "median", "weighted", "stack")
        ),
        *(
            Case(
                IntermediateFusionClassifier(mechanism, blocks=blocks, **nets),
                M,
                label,
                {"fusion_size": 3},
                absent,
            )
            for mechanism in MECHANISMS
        ),
        Case(
            IntermediateFusionRegressor(blocks=blocks, **nets),
            M,
            number,
            {"fusion_size": 3},
            absent,
        ),
        Case(LightGBMClassifier(n_estimators=TREES), M, label, {"num_leaves": 3}),
        Case(LightGBMRegressor(n_estimators=TREES), M, number, {"num_leaves": 3}),
        Case(
            ModalityStackingClassifier(classifiers, blocks=blocks),
            M,
            label,
            {"stack_method": "logit"},
            absent,
        ),
        Case(
            ModalityStackingRegressor(regressors, blocks=blocks),
            M,
            number,
            {"image__estimator": Ridge(alpha=1e4)},
            absent,
        ),
        Case(
            ModalityBaggingClassifier(blocks=blocks, random_state=0),
            M,
            label,
            {"max_modalities": 2},
            absent,
        ),
        Case(
            ModalityBaggingRegressor(blocks=blocks, random_state=0),
            M,
            number,
            {"max_modalities": 2},
            absent,
        ),
        Case(
            ModalityBoostingClassifier(n_estimators=10, blocks=blocks, random_state=0),
            M,
            label,
            {"learning_rate": 0.1},
            absent,
        ),
        Case(
            EnsembleSelectionClassifier(classifiers, blocks=blocks),
            M,
            label,
            {"image": "drop"},
            absent,
        ),
        Case(
            EnsembleSelectionRegressor(regressors, blocks=blocks),
            M,
            number,
            {"image": "drop"},
            absent,
        ),
        Case(
            MultimodalClassifier(features, EarlyFusionClassifier()),
            X,
            y,
            {"estimator__estimator": LogisticRegression(C=0.01)},
            untitled,
        ),
        Case(
            FusionSearchCV(
                MultimodalClassifier(features, EarlyFusionClassifier()),
                {"estimator__modalities": [["text"], None]},
                cv=2,
            ),
            X,
            y,
            {"param_grid": {"estimator__modalities": [["table"]]}},
            untitled,
        ),
        Case(
            SearchEnsembleClassifier(classifiers_of(features)),
            X,
            y,
            {"weights": [0.1, 0.9]},
            untitled,
        ),
        Case(
            SearchEnsembleRegressor(
                [("ridge", MultimodalRegressor(features, Ridge()))]
            ),
            X,
            X["price"].to_numpy(),
            {"ridge__estimator__alpha": 100.0},
            untitled,
        ),
        Case(
            MultimodalRegressor(features, Ridge()),
            X,
            X["price"].to_numpy(),
            {"estimator__alpha": 100.0},
            untitled,
        ),
        Case(
            NamedColumns(MultimodalClassifier(features, EarlyFusionClassifier())),
            X,
            y,
            {"estimator__estimator__estimator": LogisticRegression(C=0.01)},
            untitled,
        ),
    ]
