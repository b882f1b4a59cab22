"""Multipart forms whose length nobody tells."""

from __future__ import annotations

import io

import falcon
from falcon.testing import create_environ
from h2ok.ext.rest.reading import upload_stream


def test_a_form_without_a_length_is_read_to_its_boundary() -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="u.csv"\r\n\r\na,b\n1,2\n\r\n--b--\r\n'
    environ = create_environ(
        "/3/PostFile", method="POST", headers={"Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked"}
    )
    environ.pop("CONTENT_LENGTH", None)
    environ["wsgi.input"] = io.BytesIO(body)
    stream, _ = upload_stream(falcon.Request(environ))
    assert stream.read() == b"a,b\n1,2\n"
