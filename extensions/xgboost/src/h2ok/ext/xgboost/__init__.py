"""XGBoost behind H2O's parameters; the library is imported when a model is trained or predicts, never before."""
