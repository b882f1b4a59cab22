"""Gradient boosting machine: binning, histograms, splits, growth, scoring - one module a stage."""
