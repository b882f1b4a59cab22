"""AuthContract: what whoever opens a port relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from h2ok.capabilities.contracts.auth import Authenticator
from h2ok.capabilities.contracts.extension import Auth
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["AuthContract"]


class AuthContract(Contract):
    """Inherit, and give headers that are let in and headers that are not.

    Attributes
    ----------
    auth : the item's name. good, user : headers of a request, and who it is then. bad : headers that are refused.
    """

    auth: ClassVar[str]
    good: ClassVar[Mapping[str, str]]
    user: ClassVar[str]
    bad: ClassVar[Sequence[Mapping[str, str]]] = ()

    def test_it_is_an_authenticator(self, runtime: Runtime) -> None:
        """So that the server knows that it is guarded."""
        assert issubclass(runtime.registry.load(self.provided(Auth, self.auth)), Authenticator)

    def test_who_may_ask_is_answered_and_known(self, runtime: Runtime, client: Client) -> None:
        """The handler sees the user."""
        assert client.request("GET", "/3/Cloud", headers=self.good).status == 200

    def test_nobody_else_is_answered_whatever_the_route(self, client: Client) -> None:
        """401 with H2O's error body and the header that makes clients send credentials."""
        for headers in ({}, *self.bad):
            for method, path in (
                ("GET", "/3/Cloud"),
                ("GET", "/3/Frames"),
                ("POST", "/3/Shutdown"),
                ("GET", "/3/Metadata/endpoints"),
            ):
                answer = client.request(method, path, headers=headers)
                assert answer.status == 401, f"{method} {path} with {headers}: {answer.status}"
                assert "www-authenticate" in answer.headers
                assert answer.json["http_status"] == 401

    def test_a_secret_is_not_told(self, client: Client) -> None:
        """The refusal does not repeat what was sent."""
        for headers in self.bad:
            text = client.request("GET", "/3/Cloud", headers=headers).text
            assert not any(len(v) > 6 and v in text for v in headers.values())
