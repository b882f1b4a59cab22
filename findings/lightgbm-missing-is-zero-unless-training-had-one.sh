#!/usr/bin/env bash
#
# LightGBM 4.7.0; XGBoost 3.2.0 and scikit-learn 1.9.1 for comparison. A model is trained on a complete column
# of years (2000 to 2020, response rising with the year) and asked about a missing year; then on the same column
# counted from 2010, so from -10 to 10, which changes nothing for a tree.
#
# Expected: that a missing value takes a branch of its own in each split (the majority's, or a learned one), as
# missing values do in LightGBM when training has some, and that the answer does not depend on where a column
# has its zero.
#
# What happens: a feature without missing values in training is of the missing type "none", and NaN is then
# taken for 0. A missing year is scored as the year 0, that is as the oldest, 2000; counted from 2010 the same
# row is scored as 2010. One missing cell in training changes the rule. No warning.
#
# Seen:
#   lightgbm 4.7.0 xgboost 3.2.0 scikit-learn 1.9.1
#   years 2000..2020       lightgbm missing  -10.0   oldest  -10.0   middle   -0.0
#   years 2000..2020       xgboost  missing   10.0   oldest  -10.0   middle   -0.0
#   years 2000..2020       sklearn  missing   -6.0   oldest  -10.0   middle   -0.0
#   years -10..10          lightgbm missing   -0.0   oldest  -10.0   middle   -0.0
#   years -10..10          xgboost  missing   10.0   oldest  -10.0   middle   -0.0
#   years -10..10          sklearn  missing   -6.0   oldest  -10.0   middle   -0.0
#   2015 missing           lightgbm missing    5.0   oldest  -10.0   middle   -0.0
#   2015 missing           xgboost  missing    5.0   oldest  -10.0   middle   -0.0
#   2015 missing           sklearn  missing    5.0   oldest  -10.0   middle   -0.0
#
# Why it matters: the first missing value of a column usually turns up in production, and it is then scored as
# an extreme of the column (prices, years, ids) rather than as unknown; a MOJO, PMML or ONNX made by someone who
# assumed a default branch disagrees. Impute, or put a missing cell in training.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    lightgbm==4.7.0 xgboost==3.2.0 scikit-learn==1.9.1 numpy==2.4.6

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import lightgbm
import numpy as np
import sklearn
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

print("lightgbm", lightgbm.__version__, "xgboost", xgboost.__version__, "scikit-learn", sklearn.__version__)
rng = np.random.default_rng(1)
years = rng.integers(2000, 2021, 2000).astype(float)
response = years - 2010 + rng.normal(0, 0.1, years.size)
seen = {}


def ask(label, x, oldest, middle):
    data = x.reshape(-1, 1)
    rows = np.array([[np.nan], [oldest], [middle]])
    light = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(data, response), 100)
    extreme = xgboost.train({"max_depth": 4}, xgboost.DMatrix(data, response), 100)
    hist = HistGradientBoostingRegressor(random_state=1).fit(data, response)
    seen[label] = {
        "lightgbm": light.predict(rows).round(1).tolist(),
        "xgboost": extreme.predict(xgboost.DMatrix(rows)).round(1).tolist(),
        "sklearn": hist.predict(rows).round(1).tolist(),
    }
    for name, (missing, low, mid) in seen[label].items():
        print(f"{label:22} {name:8} missing {missing:6.1f}   oldest {low:6.1f}   middle {mid:6.1f}")


ask("years 2000..2020", years, 2000, 2010)
ask("years -10..10", years - 2010, -10, 0)
with_gap = years.copy()
with_gap[years == 2015] = np.nan
ask("2015 missing", with_gap, 2000, 2010)

first, second, third = (seen[label]["lightgbm"] for label in seen)
assert first[0] == first[1] and abs(first[0] + 10) < 0.3, seen
assert second[0] == second[2] and abs(second[0]) < 0.3, seen
assert abs(third[0] - 5) < 0.5, seen
assert all(seen["years 2000..2020"][name][0] == seen["years -10..10"][name][0] for name in ("xgboost", "sklearn")), seen
EOF
