import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from mmsk.compose import BlockScaler
from mmsk.exceptions import MediaError, MissingModalityWarning
from mmsk.fusion import EarlyFusionClassifier, LateFusionRegressor
from mmsk.pipeline import make_multimodal_classifier, make_multimodal_regressor
from tests._shop import write_shop

ROLES = {"title": "text", "photo": "image", "price": "number", "author": "groups"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    X, y = write_shop(root)
    X["title"] = "a " + X["title"] + " for sale"
    return root, X, y


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_classifier_for_a_table(shop, kind, tmp_path):
    root, X, y = shop
    table = kind(X.to_dict("list"))
    clf = make_multimodal_classifier(
        table, root=root, groups="author", memory=tmp_path / "store"
    )
    assert clf.features.roles == ROLES
    assert type(clf.estimator) is VotingClassifier
    early, late = clf.estimator.named_estimators.values()
    assert type(early) is EarlyFusionClassifier
    assert late.combine == "confidence"
    clf.fit(table[:90], y[:90])
    assert clf.features_.blocks_.names == ("text", "image", "table")
    assert clf.score(table[90:], y[90:]) > 0.6
    again = clone(clf)
    assert again.features.roles == ROLES
    assert "'photo': 'image'" in repr(clf.features)
    assert "photo" in clf._repr_html_()


def test_broken_pictures_may_be_missing(shop):
    root, X, y = shop
    clf = make_multimodal_classifier(X, root=root, groups="author")
    lost = X.assign(photo=["lost.png", *X["photo"][1:]])
    with pytest.raises(MediaError, match=r"row 0 \('lost.png'\)"):
        clf.fit(lost, y)
    clf.set_params(features__image__on_error="missing")
    with pytest.warns(MissingModalityWarning, match="1 of 120 cells"):
        clf.fit(lost, y)


def test_a_role_can_be_overridden_before_and_after(shop):
    root, X, y = shop
    clf = make_multimodal_classifier(X, root=root, roles={"author": "category"})
    assert clf.features.roles == ROLES | {"author": "category"}
    roles = clf.features.roles | {"photo": "drop", "price": "category"}
    clf.set_params(features__roles=roles).fit(X, y)
    assert clf.features_.blocks_.names == ("text", "table")
    table = clf.features_.named_transformers_["table"]
    assert table.roles_ == {"price": "category", "author": "category"}


def test_a_regressor_for_a_table(shop):
    root, X, _ = shop
    y = X["price"] * 3 + X["title"].str.contains("red")
    reg = make_multimodal_regressor(X, root=root, groups="author")
    assert reg.features.roles == ROLES
    assert type(reg.estimator) is LateFusionRegressor
    assert reg.estimator.estimator.alpha == 300
    assert reg.fit(X[:90], y[:90]).score(X[90:], y[90:]) > 0.8


def test_an_estimator_of_ones_own(shop):
    root, X, y = shop
    clf = make_multimodal_classifier(X, root=root, estimator=LogisticRegression())
    assert type(clf.fit(X, y).estimator_) is LogisticRegression
    reg = make_multimodal_regressor(X, root=root, estimator=Ridge())
    assert type(reg.estimator) is Ridge


def test_a_table_without_features_is_refused():
    X = pd.DataFrame({"key": [f"k{i}" for i in range(30)]})
    with pytest.raises(ValueError, match="No column of X is a feature"):
        make_multimodal_classifier(X)


def test_the_default_store_ends_with_the_process(tmp_path):
    code = (
        "import numpy as np, pandas as pd\n"
        "from mmsk.pipeline import make_multimodal_classifier as make\n"
        "cells = np.empty(4, dtype=object)\n"
        "cells[:] = [np.full((8, 8), 60 * i, np.uint8) for i in range(4)]\n"
        "X = pd.DataFrame({'photo': cells})\n"
        "clf = make(X, roles={'photo': 'image'})\n"
        "clf.features.warm(X, verbose=False)\n"
        "store = clf.features.memory\n"
        "assert make(X).features.memory == store\n"
        "print(store.info().written, store.location)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    written, _, location = run.stdout.strip().partition(" ")
    assert written == "4"
    assert not Path(location).exists()


def test_one_modality_alone_is_not_fused():
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [1.0, 2.0, 2.0, 1.0]})
    reg = make_multimodal_regressor(X).fit(X, np.arange(4.0))
    assert [type(step) for _, step in reg.estimator.steps] == [BlockScaler, Ridge]
    assert reg.estimator[-1].alpha == 300
    clf = make_multimodal_classifier(X).fit(X, [0, 0, 1, 1])
    kinds = [type(step) for _, step in clf.estimator.steps]
    assert kinds == [BlockScaler, LogisticRegression]
    assert clf.score(X, [0, 0, 1, 1]) == 1
    assert clf.features_.named_transformers_["table"].roles_ == {
        "a": "number",
        "b": "number",
    }


def test_the_role_groups_names_the_groups(shop):
    root, X, _ = shop
    clf = make_multimodal_classifier(X, root=root, roles={"author": "groups"})
    assert clf.groups == "author"
    assert clf.features.roles == ROLES
    dropped = {"author": "drop"}  # which groups are too, as features
    assert (
        make_multimodal_classifier(X, root=root, groups="author", roles=dropped).groups
        == "author"
    )
    with pytest.raises(ValueError, match="its role is given as 'category'"):
        make_multimodal_classifier(
            X, root=root, groups="author", roles={"author": "category"}
        )
    with pytest.raises(ValueError, match=r"Only one column .*\['title', 'author'\]"):
        make_multimodal_regressor(
            X, root=root, groups="author", roles={"title": "groups"}
        )


def test_the_seed_reaches_the_default_estimators(shop):
    root, X, _ = shop
    clf = make_multimodal_classifier(X, root=root, random_state=7)
    assert clf.estimator.named_estimators["early"].random_state == 7
    assert clf.estimator.named_estimators["late"].random_state == 7
    reg = make_multimodal_regressor(X, root=root, random_state=7)
    assert reg.estimator.random_state == 7
