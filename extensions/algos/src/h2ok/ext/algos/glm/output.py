"""Tables of a GLM: coefficients, magnitudes, importances, summary, history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.tables import variable_importances
from numpy.typing import NDArray

__all__ = ["coefficients_table", "magnitudes", "multinomial_tables", "p_values", "summary", "with_factors"]


def coefficients_table(
    names: Sequence[str],
    raw: NDArray[np.float64],
    standardized: NDArray[np.float64],
    errors: NDArray[np.float64] | None,
    dof: float,
) -> TwoDimTable:
    """Coefficients, intercept first.

    Parameters
    ----------
    raw, standardized : float64[p + 1], intercept last.
    errors : float64[p + 1], standard errors of ``raw``; None without.
    dof : degrees of freedom of the t distribution; infinity for the normal one.
    """
    order = [len(names), *range(len(names))]
    labels = [*names, "Intercept"]
    columns = [Column("names", "string", "%s", "names"), Column("coefficients", "double", "%5f", "Coefficients")]
    data: list[list[Any]] = [[labels[i] for i in order], [float(raw[i]) for i in order]]
    if errors is not None:
        z = raw / errors
        p = p_values(z, dof)
        for name, text, values in (("std_error", "Std. Error", errors), ("z_value", "z value", z), ("p_value", "p value", p)):
            columns.append(Column(name, "double", "%5f", text))
            data.append([float(values[i]) for i in order])
    columns.append(Column("standardized_coefficients", "double", "%5f", "Standardized Coefficients"))
    data.append([float(standardized[i]) for i in order])
    return TwoDimTable("Coefficients", "glm coefficients", tuple(columns), data)


def multinomial_tables(
    names: Sequence[str], raw: NDArray[np.float64], standardized: NDArray[np.float64], domain: Sequence[str]
) -> tuple[TwoDimTable, TwoDimTable]:
    """Coefficients of every class: columns numbered, and columns named by the class. Arrays float64[n_classes, p + 1]."""
    order = [len(names), *range(len(names))]
    labels = [*names, "Intercept"]
    data: list[list[Any]] = [[labels[i] for i in order]]
    data += [[float(row[i]) for i in order] for m in (raw, standardized) for row in m]

    def columns(which: Sequence[Any]) -> tuple[Column, ...]:
        heads = [f"{kind}_class_{c}" for kind in ("coefs", "std_coefs") for c in which]
        text = [f"{kind}_class_{c}" for kind in ("coefs", "std_coefs") for c in range(len(domain))]
        return (
            Column("names", "string", "%s", "names"),
            *(Column(h, "double", "%5f", t) for h, t in zip(heads, text, strict=True)),
        )

    help_text = "glm multinomial coefficients"
    plain = TwoDimTable("Coefficients", help_text, columns(range(len(domain))), data)
    return plain, TwoDimTable("Coefficients with class names", help_text, columns(domain), data)


def with_factors(table: TwoDimTable, factors: dict[str, float]) -> TwoDimTable:
    """A table of coefficients with one more column of variance inflation factors; NaN where there is none."""
    column = Column("variable_inflation_factor", "double", "%5f", "Variable Inflation Factor")
    values = [factors.get(n, math.nan) for n in table.column("names")]
    return replace(table, columns=(*table.columns, column), data=[*table.data, values])


def magnitudes(names: Sequence[str], standardized: NDArray[np.float64]) -> tuple[TwoDimTable, TwoDimTable]:
    """Standardized coefficient magnitudes, and the importances made of them; several classes are added up."""
    b = np.atleast_2d(standardized)[:, :-1]
    size = np.abs(b).sum(axis=0)
    signs = ["NEG" if v < 0 else "POS" for v in b.sum(axis=0)] if len(np.atleast_2d(standardized)) == 1 else ["POS"] * len(size)
    order = np.argsort(-size, kind="stable")
    rows = [[names[i], float(size[i]), signs[i]] for i in order]
    columns = (
        Column("names", "string", "%s", "names"),
        Column("coefficients", "double", "%5f", "Coefficients"),
        Column("sign", "string", "%s", "Sign"),
    )
    table = TwoDimTable.of_rows("Standardized Coefficient Magnitudes", "standardized coefficient magnitudes", columns, rows)
    return table, variable_importances(names, size.tolist())


def four_digits(x: float) -> str:
    """A number in four significant digits as H2O's summary writes it: 0.02231, 2.182E-4."""
    if x == 0:
        return "0.0"
    exponent = math.floor(math.log10(abs(x)))
    rounded = round(x, 3 - exponent)
    if -4 < exponent < 7:
        return repr(float(rounded))
    mantissa = repr(round(rounded / 10**exponent, 3))
    return f"{mantissa}E{exponent}"


def regularization(alpha: float, strength: float) -> str:
    """The penalty in words."""
    if strength == 0:
        return "None"
    if alpha == 0:
        return f"Ridge ( lambda = {four_digits(strength)} )"
    if alpha == 1:
        return f"Lasso (lambda = {four_digits(strength)} )"
    return f"Elastic Net (alpha = {four_digits(alpha)}, lambda = {four_digits(strength)} )"


def summary(
    family: str, link: str, alpha: float, strength: float, search: str | None, total: int, active: int, iterations: int, frame: str
) -> TwoDimTable:
    """The model in one row."""
    columns = [
        Column("", "string"),
        Column("family", "string", "%s", "Family"),
        Column("link", "string", "%s", "Link"),
        Column("regularization", "string", "%s", "Regularization"),
    ]
    row: list[Any] = ["", family, link, regularization(alpha, strength)]
    if search is not None:
        columns.append(Column("lambda_search", "string", "%s", "Lambda Search"))
        row.append(search)
    columns += [
        Column("number_of_predictors_total", "int", "%d", "Number of Predictors Total"),
        Column("number_of_active_predictors", "int", "%d", "Number of Active Predictors"),
        Column("number_of_iterations", "int", "%d", "Number of Iterations"),
        Column("training_frame", "string", "%s", "Training Frame"),
    ]
    return TwoDimTable.of_rows("GLM Model", "summary", columns, [[*row, total, str(active), iterations, frame]])


def p_values(z: NDArray[np.float64], dof: float) -> NDArray[np.float64]:
    """Two-sided p-values of a t distribution (``dof`` infinite: normal)."""
    if math.isinf(dof):
        return np.array([math.erfc(abs(v) / math.sqrt(2)) for v in z])
    return np.array([math.nan if math.isnan(v) else incomplete_beta(dof / 2, 0.5, dof / (dof + v * v)) for v in z])


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b); relative error about 1e-12.

    Continued fraction by Lentz's method (Numerical Recipes, 3rd ed., section 6.4).
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0), tiny)
    h = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _away(1.0 + even * d, tiny)
        c = _away(1.0 + even / c, tiny)
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _away(1.0 + odd * d, tiny)
        c = _away(1.0 + odd / c, tiny)
        h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return h


def _away(v: float, tiny: float) -> float:
    return v if abs(v) > tiny else tiny
