"""Samplers of imbalanced-learn inside fusions and ensembles: needs imbalanced-learn."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from mmsk.compose import BlockScaler, MultimodalClassifier
from mmsk.compose._hand_down import hand_down
from mmsk.ensemble import (
    ModalityBaggingClassifier,
    ModalityBoostingClassifier,
    ModalityStackingClassifier,
)
from mmsk.exceptions import GroupsWarning
from mmsk.fusion import (
    EarlyFusionClassifier,
    IntermediateFusionClassifier,
    LateFusionClassifier,
)
from tests._blocks import BLOCKS, mixed_features, mixed_table, two_blocks

imblearn = pytest.importorskip("imblearn", minversion="0.14")

from imblearn.over_sampling import SMOTE, RandomOverSampler  # noqa: E402
from imblearn.pipeline import make_pipeline  # noqa: E402
from imblearn.under_sampling import RandomUnderSampler  # noqa: E402


class Counting(LogisticRegression):
    """Keeps how many rows of each class it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.counts_ = np.unique(y, return_counts=True)[1].tolist()
        return super().fit(X, y, sample_weight)


def imbalanced(n=200, share=0.1):
    """Return X for BLOCKS, with both blocks in every row, and a rare class 1."""
    X, _ = two_blocks(n)
    score = X[:, 0] + X[:, 3]
    return X, (score > np.quantile(score, 1 - share)).astype(int)


def over(head=None):
    head = Counting() if head is None else head
    return make_pipeline(RandomOverSampler(random_state=0), head)


def leaves(fitted):
    """Yield the classifiers behind the samplers."""
    if hasattr(fitted, "counts_"):
        yield fitted
    elif hasattr(fitted, "steps"):
        yield from leaves(fitted.steps[-1][1])
    else:
        inside = getattr(fitted, "estimators_", None)
        for each in [fitted.estimator_] if inside is None else inside:
            yield from leaves(each)


WHERE = {
    "early": EarlyFusionClassifier(over()),
    "late": LateFusionClassifier(over()),
    "late-stack": LateFusionClassifier(over(), combine="stack"),
    "around early": over(EarlyFusionClassifier(Counting())),
    "around late": over(LateFusionClassifier(Counting())),
    "scaled": make_pipeline(BlockScaler(), over(EarlyFusionClassifier(Counting()))),
    "stacking": ModalityStackingClassifier([("o", EarlyFusionClassifier(over()))]),
    "modality bagging": ModalityBaggingClassifier(over(), 3, random_state=0),
    "bagging": BaggingClassifier(
        over(EarlyFusionClassifier(Counting())), 3, random_state=0
    ),
}


def told(estimator):
    """Return a clone that knows the blocks, as the meta-estimator makes it."""
    return hand_down(clone(estimator), BLOCKS)


@pytest.mark.parametrize("where", WHERE)
def test_the_leaves_see_balanced_classes(where):
    X, y = imbalanced()
    fitted = told(WHERE[where]).fit(X, y)
    seen = [leaf.counts_ for leaf in leaves(fitted)]
    assert seen
    assert all(len(counts) == 2 and counts[0] == counts[1] for counts in seen)
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_intermediate_fusion_behind_a_sampler():
    X, y = imbalanced()
    net = IntermediateFusionClassifier("gated", max_epochs=20, random_state=0)
    fitted = told(make_pipeline(RandomUnderSampler(random_state=0), net)).fit(X, y)
    assert fitted.steps[-1][1].class_prior_.tolist() == [0.5, 0.5]


def test_repeated_rows_are_weights():
    X, y = two_blocks()
    sampler = RandomOverSampler(random_state=0)
    rare = np.flatnonzero(y == 1)[:10]
    rows = np.concatenate([np.flatnonzero(y == 0), rare])
    X, y = X[rows], y[rows]
    sampled = told(make_pipeline(sampler, EarlyFusionClassifier())).fit(X, y)
    sampler.fit_resample(X, y)
    drawn = np.bincount(sampler.sample_indices_, minlength=len(y))
    weighted = told(EarlyFusionClassifier()).fit(X, y, sample_weight=drawn)
    np.testing.assert_allclose(
        sampled.predict_proba(X), weighted.predict_proba(X), atol=1e-6
    )


def test_bagging_draws_before_the_sampler():
    X, y = imbalanced()
    bagging = told(
        ModalityBaggingClassifier(
            make_pipeline(RandomUnderSampler(random_state=0), Counting()),
            n_estimators=4,
            random_state=0,
        )
    ).fit(X, y)
    counts = [leaf.counts_ for leaf in leaves(bagging)]
    assert all(rare == other < 40 for rare, other in counts)
    assert len({tuple(each) for each in counts}) > 1


def test_smote_inside_a_late_fusion_meets_whole_modalities():
    X, y = imbalanced()
    X[::5, 2] = 0
    late = LateFusionClassifier(make_pipeline(SMOTE(random_state=0), Counting()))
    fitted = told(late).fit(X, y)
    assert [
        counts[0] == counts[1] for counts in (leaf.counts_ for leaf in leaves(fitted))
    ] == [True, True]


def test_smote_invents_presence():
    X, y = imbalanced()
    X[::5, 2] = 0
    smote = make_pipeline(SMOTE(random_state=0), EarlyFusionClassifier())
    with pytest.raises(ValueError, match="presence column 2 of modality 'a'"):
        told(smote).fit(X, y)


def test_weights_are_refused_behind_a_sampler():
    X, y = imbalanced()
    for model in (EarlyFusionClassifier(over()), ModalityBoostingClassifier(over())):
        with pytest.raises(ValueError, match="its sampler draws other rows"):
            told(model).fit(X, y, sample_weight=np.full(len(y), 0.5))


def test_behind_features():
    X, y = mixed_table()
    clf = MultimodalClassifier(mixed_features(), over(EarlyFusionClassifier()))
    assert clf.fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("routing", [False, True], ids=["plain", "routing"])
@pytest.mark.parametrize("kind", [RandomOverSampler, RandomUnderSampler])
def test_drawn_rows_have_no_groups(kind, routing):
    X, y = mixed_table()

    def fit(estimator):
        clf = MultimodalClassifier(mixed_features(), estimator, groups="author")
        with config_context(enable_metadata_routing=routing):
            return clf.fit(X, y)

    late = LateFusionClassifier(combine="stack", random_state=0)
    sampled = make_pipeline(kind(random_state=0), late)
    for estimator in (sampled, EarlyFusionClassifier(sampled)):
        with pytest.warns(GroupsWarning, match="inner folds of .*LateFusion"):
            fit(estimator)
    grouped = clone(sampled).set_params(latefusionclassifier__cv=GroupKFold(3))
    with pytest.raises(ValueError, match=r"with GroupKFold, .* a cv that needs none"):
        fit(grouped)
    with warnings.catch_warnings():
        warnings.simplefilter("error", GroupsWarning)
        fit(make_pipeline(kind(random_state=0), LogisticRegression()))
