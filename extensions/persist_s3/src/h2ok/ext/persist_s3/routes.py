"""POST and DELETE /3/PersistS3: credentials for the whole cloud."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.contracts.schema import Schema, api
from h2ok.ext.persist_s3.credentials import S3Credentials, forget_credentials, set_credentials
from h2ok.kernel import IllegalArgumentError

__all__ = ["ROUTES", "PersistS3CredentialsV3"]


class PersistS3CredentialsV3(Schema):
    """Credentials as the client sends them; they are never sent back."""

    schema_type = "PersistS3Credentials"
    secret_key_id: str = api("string", direction="INPUT", level="secondary", required=True, help="Access key id.")
    secret_access_key: str = api("string", direction="INPUT", level="secondary", required=True, help="Secret access key.")
    session_token: str = api("string", direction="INPUT", level="secondary", help="Session token of temporary credentials.")


def set_s3_credentials(ctx: RequestContext, request: PersistS3CredentialsV3) -> PersistS3CredentialsV3:
    """POST /3/PersistS3."""
    for name in ("secret_key_id", "secret_access_key"):
        if not getattr(request, name):
            raise IllegalArgumentError(
                f"Field '{name}' is empty; S3 credentials need both the key id and the secret.", argument=name
            )
    set_credentials(ctx.node, S3Credentials(request.secret_key_id, request.secret_access_key, request.session_token or None))
    return PersistS3CredentialsV3()


def remove_s3_credentials(ctx: RequestContext, _: None) -> PersistS3CredentialsV3:
    """DELETE /3/PersistS3."""
    forget_credentials(ctx.node)
    return PersistS3CredentialsV3()


ROUTES = [
    Route(
        "POST",
        "/3/PersistS3",
        set_s3_credentials,
        PersistS3CredentialsV3,
        PersistS3CredentialsV3,
        "Set the S3 credentials of the cloud.",
    ),
    Route(
        "DELETE",
        "/3/PersistS3",
        remove_s3_credentials,
        PersistS3CredentialsV3,
        PersistS3CredentialsV3,
        "Forget the S3 credentials.",
    ),
]
