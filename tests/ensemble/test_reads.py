import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmsk.compose import BlockScaler, BlockSelector
from mmsk.ensemble import ModalityStackingClassifier
from mmsk.ensemble._reads import modalities_read
from mmsk.fusion import EarlyFusionClassifier

A = EarlyFusionClassifier(modalities=["a"])
B = make_pipeline(BlockScaler(), BlockSelector("b"), LogisticRegression())
C_OR_A = make_pipeline(BlockSelector(["c", "a"]), EarlyFusionClassifier())


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), "abc"),
        (EarlyFusionClassifier(), "abc"),
        (A, "a"),
        (B, "b"),
        (C_OR_A, "ac"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "abc"),
        (make_pipeline(BlockSelector(["b", "c"]), BlockSelector("b"), B), "b"),
        (BaggingClassifier(A), "a"),
        (BaggingClassifier(), "abc"),
        (CalibratedClassifierCV(B), "b"),
        (FrozenEstimator(A), "a"),
        (VotingClassifier([("a", A), ("b", B)]), "ab"),
        (VotingClassifier([("a", A), ("b", "drop")]), "a"),
        (StackingClassifier([("a", A)], LogisticRegression()), "a"),
        (StackingClassifier([("a", A)], passthrough=True), "abc"),
        (ModalityStackingClassifier([("b", B)], passthrough=["c"]), "bc"),
        (GridSearchCV(A, {"estimator": [None]}), "a"),
        (GridSearchCV(A, {"modalities": [["a"], ["c"]]}), "ac"),
    ],
    ids=str,
)
def test_what_the_parameters_say(estimator, expected):
    assert "".join(modalities_read(estimator, ("a", "b", "c"))) == expected


def test_a_modality_that_is_not_there_is_refused():
    stack = EarlyFusionClassifier(modalities=["text", "txt"])
    with pytest.raises(ValueError, match=r"EarlyFusionClassifier .*\['txt'\]; there"):
        modalities_read(stack, ("text", "image"))
    narrowed = make_pipeline(BlockSelector("b"), A)
    with pytest.raises(ValueError, match=r"\['a'\]; there are \['b'\]"):
        modalities_read(narrowed, ("a", "b", "c"))
