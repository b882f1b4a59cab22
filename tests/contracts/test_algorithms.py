"""The built-in algorithms pass the same checks as a stranger's."""

from __future__ import annotations

from h2ok.capabilities.testing import AlgorithmContract
from h2ok.ext.algos.extension import extension as algos
from h2ok.ext.xgboost.extension import extension as xgboost


class TestGLM(AlgorithmContract):
    extension, algo = algos, "glm"
    hyper_parameters = {"alpha": [0.0, 0.5]}
    weight_tolerance = 1e-4  # the iterations of both end when the objective stands still


class TestGBM(AlgorithmContract):
    extension, algo = algos, "gbm"
    parameters = {"ntrees": 3, "max_depth": 3, "min_rows": 2}
    hyper_parameters = {"max_depth": [2, 3]}


class TestDRF(AlgorithmContract):
    extension, algo = algos, "drf"
    expected_failures = {"test_a_weight_counts_as_repeated_rows": "a tree draws rows, and draws repeated ones apart"}
    parameters = {"ntrees": 3, "max_depth": 4}
    hyper_parameters = {"max_depth": [2, 3]}


class TestNaiveBayes(AlgorithmContract):
    extension, algo = algos, "naivebayes"
    hyper_parameters = {"laplace": [0, 1]}


class TestKMeans(AlgorithmContract):
    extension, algo = algos, "kmeans"
    parameters = {"k": 3}
    hyper_parameters = {"k": [2, 3]}


class TestIsolationForest(AlgorithmContract):
    extension, algo = algos, "isolationforest"
    parameters = {"ntrees": 3, "max_depth": 4}
    hyper_parameters = {"max_depth": [2, 3]}


class TestPCA(AlgorithmContract):
    extension, algo = algos, "pca"
    parameters = {"k": 2}


class TestSVD(AlgorithmContract):
    extension, algo = algos, "svd"
    parameters = {"nv": 2}


class TestXGBoost(AlgorithmContract):
    extension, algo = xgboost, "xgboost"
    parameters = {"ntrees": 3, "max_depth": 3}
    hyper_parameters = {"max_depth": [2, 3]}
