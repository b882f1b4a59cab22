"""Naive Bayes: classes by the product of what each predictor says."""
