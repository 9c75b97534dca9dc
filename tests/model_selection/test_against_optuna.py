"""Optuna's search over the same estimators (extra "optuna")."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score

from mmsk.compose import MultimodalClassifier
from mmsk.fusion import LateFusionClassifier
from tests._shop import shop_features, write_shop


# what Optuna's integration says of itself and of Optuna
@pytest.mark.filterwarnings("ignore:.*OptunaSearchCV is experimental.*")
@pytest.mark.filterwarnings("ignore:.*optuna.terminator.*:FutureWarning")
def test_optuna_search_tunes_a_multimodal_estimator(tmp_path):
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    X, y = write_shop(tmp_path, 60)
    features = shop_features(tmp_path, memory=tmp_path / "store")
    head = LogisticRegression(max_iter=1000)
    clf = MultimodalClassifier(features, LateFusionClassifier(head))
    choice = optuna.distributions.CategoricalDistribution
    search = integration.OptunaSearchCV(
        clf,
        {
            "estimator__combine": choice(["mean", "product"]),
            "estimator__estimator__C": optuna.distributions.FloatDistribution(
                0.01, 10, log=True
            ),
            "features__text__norm": choice(["l1", "l2"]),
        },
        cv=KFold(2),
        n_trials=4,
        random_state=0,
        error_score="raise",
    )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search.fit(X, y)
    assert len(search.trials_) == 4
    best = clf.set_params(**search.best_params_)
    expected = cross_val_score(best, X, y, cv=KFold(2)).mean()
    assert search.best_score_ == pytest.approx(expected)
    assert set(search.predict(X)) <= {"none", "one", "two"}
