"""Credentials of object stores: set over REST for the whole cloud, else boto3's own chain (environment, profile, instance role)."""

from __future__ import annotations

from dataclasses import dataclass, field

from h2ok.kernel import Node
from h2ok.kernel.wire import wire_type

__all__ = ["S3Credentials", "credentials_of", "forget_credentials", "set_credentials"]

#: A system key: hidden from every listing.
_KEY = "\x01s3/credentials"


@wire_type("s3.credentials")
@dataclass(frozen=True, slots=True)
class S3Credentials:
    """Access key, secret and, for temporary credentials, the session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def set_credentials(node: Node, credentials: S3Credentials) -> None:
    """Use these credentials on every node of the cloud."""
    node.dkv.put(_KEY, credentials)


def forget_credentials(node: Node) -> None:
    """Go back to boto3's own chain."""
    node.dkv.remove(_KEY)


def credentials_of(node: Node) -> S3Credentials | None:
    """The credentials set for the cloud, None for boto3's own chain."""
    found = node.dkv.get(_KEY)
    return found if isinstance(found, S3Credentials) else None
