"""The numeric side of NewChunk: float64 and int64 buffers to the smallest exact chunk.

PERF: every pass works on pieces of ``_ROWS`` values, so that intermediates stay in the processor's cache, and a form that does not
fit is given up at the first piece that shows it. Plain numpy: small frames pay for no compilation, large ones take 1-5 ns a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64, Chunk
from h2ok.kernel.frame.codecs import BitChunk, ConstantChunk, FloatChunk, IntegerChunk, SparseChunk
from numpy.typing import NDArray

__all__ = [
    "MOST_DIGITS", "Seen", "are_codecs_offered", "encode_codes", "encode_int64", "encode_numbers", "is_sparse", "layout_of",
    "offer_codecs", "encode_whole",
]  # fmt: skip

_POWERS = (10.0, 100.0, 1000.0, 10_000.0, 100_000.0)
_SAMPLE = 256
_ROWS = 8192
#: A column is sparse when at most one value in so many is not zero.
_SPARSE = 8
#: Decimals whose digits are a number below this are scaled without a rounding error.
MOST_DIGITS = 2.0**50
_WHOLE_LIMIT = 2.0**53
_NEGATIVE_ZERO = np.int64(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a pass over values found that made them: ``lo`` and ``hi`` of the known ones, NaN when none is.

    ``plain``: they are no constant, not sparse, and one of them is neither a float nor a number of up to five places; nothing else
    is looked at then.
    ``places``, when not below zero: they are no constant, not sparse, and decimals of fewer than 16 digits, at most five of them
    after the point; ``places`` is the least number of these that all values can be written with.
    """

    lo: float
    hi: float
    has_na: bool
    negative_zero: bool
    plain: bool = False
    places: int = -1


def is_sparse(n: int, zeros: float, lo: float, hi: float) -> bool:
    """Whether so many of ``n`` values between ``lo`` and ``hi`` are 0 that a sparse chunk may be the smallest."""
    return lo <= 0 <= hi and (n - zeros) * _SPARSE <= n


def encode_numbers(values: NDArray[np.float64], *, owned: bool = False, seen: Seen | None = None) -> Chunk:
    """The smallest exact chunk of float64[n] with NA as NaN.

    Tried in order: constant, sparse zeros, bits, whole numbers, decimals of up to five places, float32, float64. Infinities and
    negative zeros stay reals. Exact: decoding gives the same doubles bit for bit (one NaN stands for all). A codec that was offered
    (``offer_codecs``) is taken where it is exact and smaller still. ``owned``: nobody else has or will change ``values``, so that
    the chunk may keep the array itself. ``seen``: what is known of the values already.
    """
    own = _encode_numbers(values, owned, seen)
    return _with_offered(values, own) if _offers and len(values) else own


def _encode_numbers(values: NDArray[np.float64], owned: bool, seen: Seen | None) -> Chunk:
    n = len(values)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    if seen is not None and seen.plain:
        return FloatChunk(n, values if owned else np.array(values, dtype=np.float64))
    if seen is not None and seen.places >= 0:
        return _decimals(values, seen)
    lo, hi, has_na = _range(values) if seen is None else (seen.lo, seen.hi, seen.has_na)
    if np.isnan(lo):
        return ConstantChunk(n, float("nan"))
    negative_zero = seen.negative_zero if seen is not None else lo <= 0 <= hi and _has_negative_zero(values)
    if lo == hi and not has_na and not negative_zero:
        return ConstantChunk(n, lo)
    if lo <= 0 <= hi:
        sparse = _try_sparse(values)
        if sparse is not None:
            return sparse
    if not negative_zero and np.isfinite(lo) and np.isfinite(hi):
        chunk = _try_whole(values, lo, hi, has_na) or _try_decimal(values, has_na)
        if chunk is not None:
            return chunk
    return _reals(values, owned)


def encode_codes(codes: NDArray[Any]) -> Chunk:
    """A chunk of categorical codes, int[n] with NA below zero (or float with NA as NaN)."""
    if codes.dtype.kind == "f":
        codes = np.where(np.isnan(codes), -1, codes).astype(np.int64)
    n = len(codes)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    lo, hi = int(codes.min()), int(codes.max())
    if lo == hi or hi < 0:
        return ConstantChunk(n, float(lo) if lo >= 0 else float("nan"))
    if hi == 1:
        return _bits(codes == 1, codes < 0 if lo < 0 else None)
    dtype = _signed(0, hi)
    stored = codes.astype(dtype)
    if lo < 0:
        stored[codes < 0] = np.iinfo(dtype).min
    return IntegerChunk(n, stored, 0, 1.0, lo < 0)


def encode_int64(values: NDArray[np.int64]) -> Chunk:
    """A chunk of whole numbers or times, int64[n] with NA as the smallest int64."""
    n = len(values)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    lo, hi = int(values.min()), int(values.max())
    if hi == NA_INT64:
        return ConstantChunk(n, float("nan"))
    na = None
    if lo == NA_INT64:
        na = values == NA_INT64
        lo = int(np.where(na, hi, values).min())
    elif lo == hi and abs(lo) <= 2**53:
        return ConstantChunk(n, float(lo))
    bias, dtype = layout_of(lo, hi)
    stored = (values if bias == 0 else values - np.int64(bias)).astype(dtype)
    if na is not None:
        stored[na] = np.iinfo(dtype).min
    return IntegerChunk(n, stored, bias, 1.0, na is not None)


def encode_whole(values: NDArray[np.integer[Any]]) -> Chunk:
    """The smallest exact chunk of whole numbers, int[n] with NA as the smallest int64; beyond int64 the nearest doubles."""
    if values.dtype == np.uint64 and len(values) and int(values.max()) > np.iinfo(np.int64).max:
        return encode_numbers(values.astype(np.float64))
    whole = values.astype(np.int64, copy=False)
    known = whole[whole != NA_INT64]
    if len(known) and max(-int(known.min()), int(known.max())) > _WHOLE_LIMIT:
        return encode_int64(whole)
    numbers = whole.astype(np.float64)
    if len(known) < len(whole):
        numbers[whole == NA_INT64] = np.nan
    return encode_numbers(numbers, owned=True)


# -- codecs of extensions ---------------------------------------------------------------------------------------------

#: Like the registered wire types, these belong to the process: every node of a cloud has the same extensions.
_offers: list[Callable[[], Sequence[Any]]] = []


def offer_codecs(codecs: Callable[[], Sequence[Any]]) -> Callable[[], None]:
    """Offer chunk classes with ``try_encode(values) -> Chunk | None`` to the encoder; call what is returned to take them back."""
    _offers.append(codecs)

    def forget() -> None:
        if codecs in _offers:
            _offers.remove(codecs)

    return forget


def are_codecs_offered() -> bool:
    """Whether a chunk of numbers may become one of an extension's codec, which wants to see them as float64."""
    return bool(_offers)


def _with_offered(values: NDArray[np.float64], best: Chunk) -> Chunk:
    """The smallest of ``best`` and what the offered codecs make of the values, provided that it decodes to the same bits."""
    for codec in dict.fromkeys(c for offer in _offers for c in offer()):
        made = codec.try_encode(values)
        if made is not None and made.nbytes < best.nbytes and _is_exact(values, made):
            best = made
    return best


def _is_exact(values: NDArray[np.float64], chunk: Chunk) -> bool:
    decoded = chunk.decode()
    if decoded.shape != values.shape or decoded.dtype != np.float64:
        return False
    same = np.ascontiguousarray(decoded).view(np.int64) == np.ascontiguousarray(values).view(np.int64)
    return bool((same | (np.isnan(decoded) & np.isnan(values))).all())


# -- looking ----------------------------------------------------------------------------------------------------------


def _pieces(n: int) -> Iterator[slice]:
    return (slice(i, min(i + _ROWS, n)) for i in range(0, n, _ROWS))


def _range(values: NDArray[np.float64]) -> tuple[float, float, bool]:
    """(least, greatest known value - NaN when there is none -, whether any is missing)."""
    lo, hi, has_na = np.inf, -np.inf, False
    found = False
    for piece in _pieces(len(values)):
        v = values[piece]
        low, high = v.min(), v.max()
        if np.isnan(low):
            has_na = True
            low, high = np.fmin.reduce(v), np.fmax.reduce(v)
            if np.isnan(low):
                continue
        found = True
        lo, hi = min(lo, low), max(hi, high)
    return (float(lo), float(hi), has_na) if found else (float("nan"), float("nan"), True)


def _has_negative_zero(values: NDArray[np.float64]) -> bool:
    bits = np.ascontiguousarray(values).view(np.int64)
    return any(bool((bits[piece] == _NEGATIVE_ZERO).any()) for piece in _pieces(len(bits)))


def _sample(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some known values from all over the chunk."""
    some = values[:: max(1, len(values) // _SAMPLE)]
    return some[~np.isnan(some)]


# -- trying -----------------------------------------------------------------------------------------------------------


def _try_sparse(values: NDArray[np.float64]) -> Chunk | None:
    n = len(values)
    if n < 64:
        return None
    bits = np.ascontiguousarray(values).view(np.int64)
    some = bits[:: max(1, n // _SAMPLE)]
    if np.count_nonzero(some) * (_SPARSE // 2) > len(some):
        return None
    rows = np.flatnonzero(bits)
    if len(rows) * _SPARSE > n:
        return None
    kept = values[rows]
    packed: NDArray[Any] = kept
    for dtype in (np.int8, np.int16, np.int32, np.float32):
        if dtype is not np.float32 and not _whole_in(kept, dtype):
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            small = kept.astype(dtype)
        back = small.astype(np.float64)
        if np.array_equal(back, kept, equal_nan=True) and np.array_equal(np.signbit(back), np.signbit(kept)):
            packed = small
            break
    return SparseChunk(n, rows.astype(np.uint16 if n <= 1 << 16 else np.int32), packed)


def _whole_in(values: NDArray[np.float64], dtype: Any) -> bool:
    info = np.iinfo(dtype)
    return bool(((values >= info.min) & (values <= info.max)).all())


def _try_whole(values: NDArray[np.float64], lo: float, hi: float, has_na: bool) -> Chunk | None:
    if max(-lo, hi) > _WHOLE_LIMIT or lo != np.rint(lo) or hi != np.rint(hi):
        return None
    whole = np.empty(min(_ROWS, len(values)))
    for piece in _pieces(len(values)):
        v = values[piece]
        w = np.rint(v, out=whole[: len(v)])
        same = w == v
        if not same.all() and not (has_na and (same | np.isnan(v)).all()):
            return None
    if lo >= 0 and hi <= 1:
        return _bits(values == 1, np.isnan(values) if has_na else None)
    return _packed(values, int(lo), int(hi), has_na, 1.0, lambda v, out: np.copyto(out, v))


def _try_decimal(values: NDArray[np.float64], has_na: bool) -> Chunk | None:
    some = _sample(values)
    # Numbers of fewer places have the most places, too, as long as all digits fit into a double.
    if len(some) and np.abs(some).max() < _WHOLE_LIMIT / _POWERS[-1]:
        scaled = some * _POWERS[-1]
        if not np.array_equal(np.rint(scaled, out=scaled) / _POWERS[-1], some):
            return None
    for divisor in _POWERS:
        with np.errstate(over="ignore"):
            if not np.array_equal(np.rint(some * divisor) / divisor, some):
                continue
        bounds = _decimal_range(values, divisor, has_na)
        if bounds is None:
            continue
        lo, hi = bounds
        if layout_of(lo, hi)[1].itemsize == 8:
            return None

        def scale(v: NDArray[np.float64], out: NDArray[np.float64], by: float = divisor) -> None:
            np.rint(np.multiply(v, by, out=out), out=out)

        return _packed(values, lo, hi, has_na, divisor, scale)
    return None


def _decimal_range(values: NDArray[np.float64], divisor: float, has_na: bool) -> tuple[int, int] | None:
    """Least and greatest of ``values * divisor`` when these are whole and give the values back exactly."""
    lo, hi = np.inf, -np.inf
    whole, back = np.empty(min(_ROWS, len(values))), np.empty(min(_ROWS, len(values)))
    with np.errstate(over="ignore"):
        for piece in _pieces(len(values)):
            v = values[piece]
            w = np.multiply(v, divisor, out=whole[: len(v)])
            np.rint(w, out=w)
            same = np.divide(w, divisor, out=back[: len(v)]) == v
            if not same.all() and not (has_na and (same | np.isnan(v)).all()):
                return None
            least = np.fmin.reduce(w) if has_na else w.min()
            most = np.fmax.reduce(w) if has_na else w.max()
            if not np.isnan(least):
                lo, hi = min(lo, least), max(hi, most)
    return (int(lo), int(hi)) if max(-lo, hi) <= _WHOLE_LIMIT else None


def _decimals(values: NDArray[np.float64], seen: Seen) -> Chunk:
    """Values of so many places: nothing has to be tried."""
    from h2ok.kernel.frame.packing import pack_decimals

    divisor = (1.0, *_POWERS)[seen.places]
    lo, hi = int(np.rint(seen.lo * divisor)), int(np.rint(seen.hi * divisor))
    if seen.places == 0 and lo >= 0 and hi <= 1:
        return _bits(values == 1, np.isnan(values) if seen.has_na else None)
    if seen.places and layout_of(lo, hi)[1].itemsize == 8:
        return _reals(values, owned=False)
    return pack_decimals(values, lo, hi, divisor, seen.has_na)


# -- packing ----------------------------------------------------------------------------------------------------------

_Scale = Callable[[NDArray[np.float64], NDArray[np.float64]], None]


def _packed(values: NDArray[np.float64], lo: int, hi: int, has_na: bool, divisor: float, scale: _Scale) -> Chunk:
    """Integers ``scale(value) - bias`` in the narrowest type."""
    n = len(values)
    bias, dtype = layout_of(lo, hi)
    stored = np.empty(n, dtype=dtype)
    work = np.empty(min(_ROWS, n))
    na_value = np.iinfo(dtype).min
    for piece in _pieces(n):
        v = values[piece]
        w = work[: len(v)]
        scale(v, w)
        if dtype.itemsize < 8 and bias:
            # Exact: whole numbers below 2**53 on both sides, and so is their difference.
            w -= bias
        if not has_na:
            stored[piece] = w
            continue
        na = np.isnan(v)
        w[na] = 0.0
        out = stored[piece]
        out[:] = w
        out[na] = na_value
    return IntegerChunk(n, stored, bias, divisor, has_na)


def layout_of(lo: int, hi: int) -> tuple[int, np.dtype[Any]]:
    """(bias, narrowest signed type) for whole numbers in [lo, hi]; the smallest stored value stays free for NA."""
    plain = _signed(lo, hi)
    for dtype in (np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32)):
        if dtype.itemsize >= plain.itemsize:
            break
        top = int(np.iinfo(dtype).max)
        if lo >= 0 and hi <= 2 * top:
            return top, dtype
        # Chunks decode in doubles: the bias must be one.
        if hi - lo <= 2 * top and abs(lo + top) <= _WHOLE_LIMIT:
            return lo + top, dtype
    return 0, plain


def _signed(lo: int, hi: int) -> np.dtype[Any]:
    for dtype in (np.int8, np.int16, np.int32):
        info = np.iinfo(dtype)
        if info.min < lo and hi <= info.max:
            return np.dtype(dtype)
    return np.dtype(np.int64)


def _bits(ones: NDArray[np.bool_], na: NDArray[np.bool_] | None) -> Chunk:
    missing = np.zeros(0, dtype=np.uint8) if na is None else np.packbits(na)
    return BitChunk(len(ones), np.packbits(ones), missing)


def _reals(values: NDArray[np.float64], owned: bool) -> Chunk:
    n = len(values)
    single = np.empty(n, dtype=np.float32)
    with np.errstate(over="ignore"):
        for piece in _pieces(n):
            v = values[piece]
            single[piece] = v
            same = single[piece] == v
            if not same.all() and not (same | np.isnan(v)).all():
                return FloatChunk(n, values if owned else np.array(values, dtype=np.float64))
    return FloatChunk(n, single)
