import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from mmsk.compose import Block, Blocks
from mmsk.ensemble import EnsembleSelectionClassifier, ModalityStackingClassifier
from mmsk.fusion import LateFusionClassifier
from mmsk.model_selection import SearchEnsembleClassifier

X = [[0.0, 1.0], [1.0, 0.0]] * 4
Y = [0, 1] * 4


@pytest.mark.parametrize(
    "kind",
    [
        EnsembleSelectionClassifier,
        LateFusionClassifier,
        ModalityStackingClassifier,
        SearchEnsembleClassifier,
    ],
)
def test_estimators_as_a_dict_break_nothing_before_fit_refuses_them(kind):
    inner = LogisticRegression(C=3.0)
    model = kind(estimators={"a": inner})
    assert model.get_params(deep=True)["estimators"] == {"a": inner}
    assert "a__C" not in model.get_params(deep=True)
    copy = clone(model).set_params(estimators=[("a", inner)])
    assert copy.get_params()["a__C"] == 3.0
    assert copy.set_params(a__C=2.0).get_params()["a__C"] == 2.0
    assert "LogisticRegression" in repr(model)
    if hasattr(model, "blocks"):
        model.set_params(blocks=Blocks([Block("a", 0, 1), Block("b", 1, 2)]))
    with pytest.raises(ValueError, match=r"estimators.* must be .*list"):
        model.fit(X, Y)


def test_other_parameters_of_estimators_stay_in_reach():
    model = ModalityStackingClassifier({"a": LogisticRegression()})
    model.set_params(final_estimator=LogisticRegression(C=7.0))
    assert model.get_params(deep=True)["final_estimator__C"] == 7.0
