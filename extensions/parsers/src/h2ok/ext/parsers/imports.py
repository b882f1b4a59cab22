"""Importing by path and uploading: both end in RawFile keys that ParseSetup and Parse read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.ext.parsers.partitions import without_markers
from h2ok.ext.parsers.raw import RawFile, key_of_path, persist_for, store_blocks
from h2ok.ext.parsers.schemas import DecryptionSetupV3, ImportFilesMultiV3, ImportFilesV3
from h2ok.kernel import IllegalArgumentError, given_key

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.persist import Entry, Persist
    from h2ok.capabilities.runtime import Runtime

__all__ = ["decryption_setup", "import_files", "import_files_multi", "post_file"]

#: Longest regular expression taken from a client.
_MAX_PATTERN = 1000
_MAX_FILES = 100_000


def import_files(ctx: RequestContext, request: ImportFilesV3) -> ImportFilesV3:
    """GET /3/ImportFiles."""
    request.files, request.destination_frames, request.fails, request.dels = _import(ctx.runtime, [request.path], request.pattern)
    return request


def import_files_multi(ctx: RequestContext, request: ImportFilesMultiV3) -> ImportFilesMultiV3:
    """POST /3/ImportFilesMulti."""
    if not request.paths:
        raise IllegalArgumentError("No paths to import were given. Pass paths=[...].", argument="paths")
    request.files, request.destination_frames, request.fails, request.dels = _import(ctx.runtime, request.paths, request.pattern)
    return request


def decryption_setup(_: RequestContext, request: DecryptionSetupV3) -> DecryptionSetupV3:
    """POST /3/DecryptionSetup.

    Raises
    ------
    IllegalArgumentError
        Always: no decryption tool is built.
    """
    raise IllegalArgumentError(
        f"Decryption tools ('{request.decrypt_impl}') are not built: keys would have to lie in the cloud. Decrypt the file before "
        "importing it, or import it from a store that decrypts (S3 with server-side encryption).",
        argument="decrypt_impl",
    )


def post_file(ctx: RequestContext, _: Any) -> Response:
    """POST /3/PostFile and /3/PostFile.bin: the body becomes a raw key."""
    wanted = ctx.query.get("destination_frame")
    name = ctx.query.get("filename", "")
    key = given_key(wanted) if wanted else f"upload_{uuid.uuid4().hex}"
    # H2O: an empty body is answered as if it had been stored, with -1 bytes.
    stream = None if ctx.content_length == 0 else ctx.body
    total = -1 if stream is None else store_blocks(ctx.node, key, stream, name).size or -1
    return Response(json.dumps({"destination_frame": key, "total_bytes": total}) + "\n", content_type="application/json")


def _import(runtime: Runtime, paths: list[str], pattern: str | None) -> tuple[list[str], list[str], list[str], list[str]]:
    matches = _pattern(pattern)
    files: list[str] = []
    keys: list[str] = []
    dels: list[str] = []
    for path in paths:
        backend = persist_for(runtime, path)
        for entry in _walk(backend, path, matches):
            key = key_of_path(entry.uri)
            if runtime.node.dkv.get(key) is not None:
                dels.append(key)
            runtime.node.dkv.put(key, RawFile(key, entry.uri, entry.size, name=entry.uri.rsplit("/", 1)[-1]))
            files.append(entry.uri)
            keys.append(key)
    return files, keys, [], dels


def _pattern(pattern: str | None) -> Callable[[str], bool] | None:
    """Whether a path or a name matches a client's pattern.

    SECURITY: RE2 needs time in proportion to the text, whatever the pattern; Python's own engine may need years.
    """
    if not pattern:
        return None
    if len(pattern) > _MAX_PATTERN:
        raise IllegalArgumentError(f"The pattern has {len(pattern)} characters; at most {_MAX_PATTERN} are allowed.")
    try:
        import re2
    except ImportError as e:
        raise IllegalArgumentError(
            "Patterns need the package google-re2, which is not installed on the server. Import a folder or single files instead.",
            argument="pattern",
        ) from e
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as e:
        reason = e.args[0].decode("utf-8", "replace") if e.args and isinstance(e.args[0], bytes) else str(e)
        raise IllegalArgumentError(
            f"'{pattern}' is no regular expression that can be used here: {reason}. References back and looking around are not "
            "supported.",
            argument="pattern",
        ) from e

    def matches(uri: str) -> bool:
        text = uri.encode("utf-8", "surrogateescape")
        return bool(compiled.fullmatch(text) or compiled.match(text.rstrip(b"/").rpartition(b"/")[2]))

    return matches


def _walk(backend: Persist, path: str, matches: Callable[[str], bool] | None) -> list[Entry]:
    """Files at or below ``path`` that match, sorted; a path that does not exist is an error."""
    found: list[Entry] = []
    pending = [path]
    while pending:
        for entry in backend.list(pending.pop()):
            name = entry.uri.rstrip("/").rsplit("/", 1)[-1]
            # Hidden files, such as the checksums of Parquet exports, are no data; asked for by their own path they are.
            if name.startswith(".") and entry.uri != path:
                continue
            if entry.is_dir:
                pending.append(entry.uri)
            elif matches is None or matches(entry.uri):
                found.append(entry)
        if len(found) + len(pending) > _MAX_FILES:
            raise IllegalArgumentError(f"'{path}' holds more than {_MAX_FILES} files; import a narrower path.")
    data = without_markers(path, [e.uri for e in found])
    return sorted((e for e in found if e.uri in data), key=lambda e: e.uri)
