"""Options: what the values of ``h2ok start`` mean, and which make no sense."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from h2ok.capabilities.logs import LEVELS
from h2ok.kernel import IllegalArgumentError

__all__ = ["ALL_CORES", "check_folder", "cluster_secret", "log_level", "memory_limit", "size_bytes", "worker_threads"]

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: Characters a cluster secret must have.
_SECRET_LENGTH = 8
#: Of --nthreads, as H2O's clients have it.
ALL_CORES = -1
#: Bytes of --max-mem below which there would be no room for data beside the libraries.
_LEAST_MEMORY = 256 << 20


def worker_threads(given: int) -> int:
    """Worker threads of a node; ALL_CORES for as many as there are cores.

    Raises
    ------
    IllegalArgumentError
        A number below one.
    """
    if given == ALL_CORES:
        return os.cpu_count() or 1
    if given < 1:
        raise IllegalArgumentError(
            f"--nthreads must be at least 1, or {ALL_CORES} for as many as there are cores; got {given}.", argument="nthreads"
        )
    return given


def size_bytes(text: str) -> int:
    """Bytes of a size such as ``4g``, ``512m`` or ``1000000``; 0 for no text.

    Raises
    ------
    IllegalArgumentError
        The text is no size.
    """
    raw = text.strip().lower().removesuffix("b")
    digits, unit = (raw[:-1], raw[-1]) if raw[-1:] in _UNITS and raw else (raw, "")
    try:
        return int(float(digits) * _UNITS[unit]) if raw else 0
    except (ValueError, OverflowError) as e:
        raise IllegalArgumentError(f"--max-mem must be a size such as 4g or 512m; got '{text}'.", argument="max_mem") from e


def memory_limit(text: str) -> int:
    """Bytes that the process of a node may take in all; 0 for no limit.

    Raises
    ------
    IllegalArgumentError
        The text is no size, or leaves no room for data.
    """
    limit = size_bytes(text)
    if text.strip() and limit < _LEAST_MEMORY:
        raise IllegalArgumentError(
            f"--max-mem must be at least {_LEAST_MEMORY >> 20}m; got '{text}'. It is for the process of a node in all, and the "
            "libraries alone take 200 MB of it once a model was trained. Give more, or leave it out for no limit.",
            argument="max_mem",
        )
    return limit


def check_folder(folder: Path, option: str) -> None:
    """Make a folder, and see that files can be made there.

    Raises
    ------
    IllegalArgumentError
        They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        reason = "it is a file" if isinstance(e, FileExistsError) else e.strerror
        raise IllegalArgumentError(
            f"Cannot write to the folder '{folder}': {reason}. {option} must name a folder that this user may make files in.",
            argument=option.lstrip("-").replace("-", "_"),
        ) from e


def cluster_secret(path: str) -> str:
    """The text that all nodes share, of ``--cluster-secret FILE`` or the environment; empty for none.

    Raises
    ------
    IllegalArgumentError
        The file cannot be read, or what it holds is too short to keep anyone out.
    """
    secret = os.environ.get("H2OK_CLUSTER_SECRET", "")
    if path:
        try:
            secret = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as e:
            raise IllegalArgumentError(
                f"Cannot read the cluster secret in '{path}': {e}. Name a text file that is the same on all nodes.",
                argument="cluster_secret",
            ) from e
    if (path or secret) and len(secret) < _SECRET_LENGTH:
        raise IllegalArgumentError(
            f"The cluster secret must have at least {_SECRET_LENGTH} characters; it has {len(secret)}. "
            "Make one with: head -c 32 /dev/urandom | base64",
            argument="cluster_secret",
        )
    return secret


def log_level(text: str) -> int:
    level = LEVELS.get(text.lower().replace("warning", "warn").replace("errr", "error"))
    if level is None:
        raise IllegalArgumentError(f"--log-level must be one of {', '.join(LEVELS)}; got '{text}'.", argument="log_level")
    return level
