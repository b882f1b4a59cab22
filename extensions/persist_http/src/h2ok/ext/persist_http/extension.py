"""Declaration of the persist_http extension."""

from h2ok.capabilities.contracts.extension import Extension, Persist

extension = Extension(
    name="persist_http",
    priority=50,
    help="Imports over http and https, with range reads where the server offers them.",
    provides=(Persist("HTTP", "h2ok.ext.persist_http.store:PersistHTTP", schemes=("http", "https")),),
)
