"""Mutation fuzzing of every parser: ``python tests/parsers/fuzz.py --minutes 30 [--seed 1]``.

Files of the conformance set are damaged at random and walked through ImportFiles, ParseSetup and Parse with random options.
Whatever comes must be a frame or an error of the user's kind, in bounded time, with no key left behind and no memory kept.
``NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=folder`` in the environment makes compiled code check its indexes, too.
"""

from __future__ import annotations

import argparse
import bz2
import ctypes
import decimal
import gc
import gzip
import io
import lzma
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime

sys.path.insert(0, str(Path(__file__).parent.parent / "golden" / "parse"))
from conformance import ALL_CASES, form_body, walk
from text_cases import Case

__all__ = ["Fuzzer"]

_TOKENS = (
    b",", b'"', b"\n", b"\r", b"'", b"\x00", b"\xff", b"\\", b"#", b"@data\n", b"1e999", b"-", b"\xef\xbb\xbf", b"2013-01-01",
    b"99999999999999999999", b" ", b"\t", b"\x7f\xff\xff\xff", b"%", b"$", b"nan", b":", b"\x80",
    b"{", b"}", b"{0 1, ", b"T05:06:07Z", b"+05", b"12MAR2015", b"\xff\xfe", b"qid:1", b"0:1", b"9007199254740993", b"\\'",
)  # fmt: skip
_SECONDS = 60.0
#: Share of the steps that go to the route for Arrow streams.
_ARROW_SHARE = 0.1
#: Share of the steps that choose a format first, so that those of few cases get their part; the others choose any case.
_BY_FORMAT = 0.5
#: Shares of the steps of plain text that make many blocks of it, or more rows than go through interpreted code.
_BLOCKS_SHARE, _ROWS_SHARE = 0.1, 0.02
_BLOCK_BYTES, _MANY_ROWS = 4096, 40_000
_BYTES = 8 << 30
#: Files until caches are full; memory that may be kept after them, in all and for each file.
_WARM_FILES, _KEPT_BYTES, _KEPT_BYTES_A_FILE = 3000, 32 << 20, 4 << 10


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", data)
    return out.getvalue()


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": _zstd, "zip": _zip,
}  # fmt: skip
_TEXT = ("csv", "arff", "svm")


class Fuzzer:
    """One random stream of damaged files; everything follows from the seed."""

    def __init__(self, runtime: Runtime, seed: int) -> None:
        self._client, self._node = Client.of(runtime), runtime.node
        self._random = random.Random(seed)
        #: (format, what became of it).
        self.outcomes: Counter[tuple[str, str]] = Counter()

    def step(self, folder: Path) -> None:
        """Damage a file and parse it.

        Raises
        ------
        AssertionError
            The server failed, took too long, or left something behind.
        """
        r = self._random
        if r.random() < _ARROW_SHARE:
            self._step_arrow()
            return
        kind = r.choice(sorted(_cases())) if r.random() < _BY_FORMAT else None
        name = r.choice(_cases()[kind] if kind else sorted(ALL_CASES))
        kind = kind or _format_of(ALL_CASES[name])
        damaged = self._damaged_case(kind, ALL_CASES[name])
        print(name, file=sys.stderr)
        started = time.monotonic()
        try:
            outcome = walk(self._web, folder, damaged)
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}\nfiles = {damaged.files!r}\nsetup = {damaged.setup!r}") from e
        self.outcomes[kind, outcome.get("failed") or "parsed"] += 1
        self._after(name, started, damaged.files)

    def _damaged_case(self, kind: str, case: Case) -> Case:
        r = self._random
        setup, parse = self._options(dict(case.setup)), dict(case.parse)
        if kind in _PACKERS and r.random() < 0.5:
            text = self._damaged(next(iter(ALL_CASES[r.choice(_cases()["csv"])].files.values())))
            return Case({n: _PACKERS[kind](text) for n in case.files}, setup, parse)
        files = {n: self._damaged(d) for n, d in case.files.items()}
        if kind in _TEXT and r.random() < _BLOCKS_SHARE + _ROWS_SHARE:
            many = r.random() * (_BLOCKS_SHARE + _ROWS_SHARE) < _ROWS_SHARE
            files = {n: self._repeated(d, many=many) for n, d in files.items()}
            if not many:
                parse["chunk_size"] = _BLOCK_BYTES
        return Case(files, setup, parse)

    def _repeated(self, data: bytes, *, many: bool) -> bytes:
        """The lines of a text again and again: some blocks of bytes, or many rows; damaged somewhere in between."""
        # What has one line only would become tens of thousands of columns, which take their time.
        data = data if data.endswith(b"\n") else data + b"\n"
        body = data[data.find(b"\n") + 1 :] or data
        lines = body.count(b"\n")
        times = -(-_MANY_ROWS // lines) if many else -(-5 * _BLOCK_BYTES // (len(data) + 1))
        out = bytearray(data + body * min(times, (4 << 20) // (len(data) + 1)))
        for _ in range(self._random.choice((0, 1, 4))):
            self._mutate(out)
        return bytes(out)

    def _step_arrow(self) -> None:
        """Damage an Arrow stream and post it."""
        data = self._damaged(self._random.choice(_arrow_streams()))
        started = time.monotonic()
        answer = self._client.request("POST", "/3/Frames/f/arrow", data=data, content_type="application/vnd.apache.arrow.stream")
        assert answer.status < 500, f"Arrow: {answer.status} {answer.body[:3000]!r}\nstream = {data!r}"
        self.outcomes["arrow", "refused" if answer.status >= 400 else "parsed"] += 1
        self._after("arrow", started, data)

    def _after(self, name: str, started: float, files: Any) -> None:
        spent = time.monotonic() - started
        self._client.delete("/3/DKV")
        left = [k for k in self._node.dkv.local_keys() if not k.startswith("$job")]
        assert not left, f"{name} left {left} behind\nfiles = {files!r}"
        assert spent < _SECONDS, f"{name} took {spent:.1f} s\nfiles = {files!r}"

    def _web(self, method: str, path: str, **form: Any) -> Any:
        data = form_body(form)
        answer = self._client.request(method, path, data=data, content_type="application/x-www-form-urlencoded")
        assert answer.status < 500, f"{method} {path}: {answer.status} {answer.body[:3000]!r}"
        assert answer.status < 400 or not path.startswith("/3/Jobs/"), f"{path}: {answer.body[:3000]!r}"
        found = answer.json
        for job in found.get("jobs", ()) if isinstance(found, dict) else ():
            if job["status"] == "FAILED":
                trace = str(job.get("stacktrace"))
                assert any(t in trace for t in ("IllegalArgumentError", "H2OKError", "NotFoundError", "IllegalArgument")), trace
        return found

    def _options(self, setup: dict[str, Any]) -> dict[str, Any]:
        r = self._random
        if r.random() < 0.2:
            setup["separator"] = r.choice([9, 32, 44, 59, 124, 1])
        if r.random() < 0.2:
            setup["check_header"] = r.choice([-1, 1])
        if r.random() < 0.1:
            setup["single_quotes"] = True
        if r.random() < 0.1:
            setup["escapechar"] = 92
        if r.random() < 0.2:
            setup["column_types"] = r.choices(["Numeric", "Enum", "String", "Time", "UUID", "Unknown"], k=r.randint(1, 4))
        if r.random() < 0.1:
            setup["skipped_columns"] = [0]
        if r.random() < 0.1:
            setup["custom_non_data_line_markers"] = r.choice(["", "%", "#@"])
        return setup

    def _damaged(self, data: bytes) -> bytes:
        out = bytearray(data)
        for _ in range(self._random.choice((0, 1, 1, 2, 4, 16))):
            self._mutate(out)
        return bytes(out)

    def _mutate(self, out: bytearray) -> None:
        r = self._random
        at = r.randrange(len(out) + 1)
        kind = r.randrange(6)
        if kind == 0 and out:
            out[min(at, len(out) - 1)] ^= 1 << r.randrange(8)
        elif kind == 1:
            out[at:at] = r.choice(_TOKENS)
        elif kind == 2:
            del out[at : at + r.choice((1, 2, 8, 64))]
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            out[at:at] = out[: r.randrange(len(out) + 1)][-200:]
        else:
            out[at:at] = r.randbytes(r.choice((1, 4, 32)))


def _format_of(case: Case) -> str:
    return next(iter(case.files)).rpartition(".")[2]


@cache
def _cases() -> dict[str, list[str]]:
    """Names of the cases of each format."""
    out = defaultdict(list)
    for name in sorted(ALL_CASES):
        out[_format_of(ALL_CASES[name])].append(name)
    return dict(out)


@cache
def _arrow_streams() -> tuple[bytes, ...]:
    """Streams of every type, plain and packed, in one batch and several."""
    plain = pa.table(
        {
            "i": pa.array([1, None, 3], pa.int32()),
            "l": [2**40, 2, None],
            "d": [0.5, None, float("inf")],
            "b": [True, False, None],
            "t": pa.array([0, 1, None], pa.timestamp("ms", "UTC")),
            "day": pa.array([0, 1, None], pa.date32()),
            "e": pa.array(["a", None, "b"]).dictionary_encode(),
            "s": pa.array(["x", "", None], pa.large_string()),
        }
    )
    meant = pa.table(
        {
            "u": pa.array([b"0" * 16, None, b"1" * 16], pa.uuid()),
            "j": pa.array(["{}", None, "[]"], pa.json_()),
            "f": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8())),
            "t": pa.array([1, None, 2], pa.time64("ns")),
            "k": pa.array([1, None, -2], pa.duration("us")),
            "e": pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.uint8()), pa.array(["a", "b"], pa.string_view())),
            "q": pa.array([2**64 - 1, None, 2**53 + 1], pa.uint64()),
            "n": pa.array([decimal.Decimal(10**19), None, 1], pa.decimal128(30, 4)),
            "m": pa.array([1, None, -1], pa.timestamp("ns")),
        }
    )
    out = []
    plans = ((plain, None, 3), (plain, None, 1), (plain, "zstd", 2), (plain, "lz4", 3), (meant, None, 3), (meant, None, 2))
    for table, compression, rows in plans:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(table, max_chunksize=rows)
        out.append(sink.getvalue().to_pybytes())
    return tuple(out)


class _MallocInfo(ctypes.Structure):
    """As glibc has it."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def memory_in_use() -> int:
    """Bytes that this process holds of what it asked the C library for: what is freed, and waits there, does not count."""
    gc.collect()
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = _MallocInfo
    found = ask()
    return int(found.uordblks + found.hblkhd)


def main() -> None:
    """Fuzz for some minutes; the first failure ends the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    end, steps, before = time.monotonic() + 60 * options.minutes, 0, 0
    with local_runtime(only=("rest", "parsers")) as runtime:
        fuzzer = Fuzzer(runtime, options.seed)
        while time.monotonic() < end:
            with tempfile.TemporaryDirectory() as folder:
                fuzzer.step(Path(folder))
            steps += 1
            if steps == _WARM_FILES:
                before = memory_in_use()
        kept = memory_in_use() - before if before else 0
    assert kept < _KEPT_BYTES + _KEPT_BYTES_A_FILE * steps, f"{kept / steps:.0f} bytes are kept of each file"
    print(f"{steps} files in {options.minutes} minutes, no failure, {kept >> 20} MB more than after the first {_WARM_FILES}")
    for (kind, outcome), n in sorted(fuzzer.outcomes.items()):
        print(f"{kind}: {n} {outcome}")


if __name__ == "__main__":
    main()
