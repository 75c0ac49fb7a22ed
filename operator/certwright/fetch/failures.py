"""What can go wrong when fetching, in words of our own: nothing a server or a resolver said is ever repeated."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from certwright.findings import Detail, Finding, MaterialError, Reason, finding

HOSTS_SETTING = "CERTWRIGHT_CRL_HOSTS"
PRIVATE_SETTING = "CERTWRIGHT_CRL_PRIVATE_ADDRESSES"
SIZE_SETTING = "CERTWRIGHT_CRL_MAX_BYTES"
TIME_SETTING = "CERTWRIGHT_CRL_FETCH_SECONDS"

_CAUSES: Mapping[Detail, str] = MappingProxyType(
    {
        Detail.ADDRESS: "its name, or one that it redirects to, leads to an address that is not public. An "
        f"administrator may allow the network with the setting `{PRIVATE_SETTING}`",
        Detail.BUSY: "other fetches, or others from the same host, took all the time. It is tried again later",
        Detail.CONTENT_ENCODING: "the answer is compressed although that was declined. The server must serve the list "
        "without `Content-Encoding`",
        Detail.INTERRUPTED: "the connection broke before the answer was complete. It is tried again later",
        Detail.NAME_RESOLUTION: "its name, or one that it redirects to, cannot be resolved. It must be a fully "
        "qualified name that the cluster's DNS knows; search domains are not used",
        Detail.PROTOCOL: "the answer is not proper HTTP. `url` must name a web server, with `http` or `https` as it "
        "speaks them",
        Detail.REDIRECT: "it redirects too often, from https to http, or to something that is not a usable URL. `url` "
        "must name the place where the list is in the end",
        Detail.REFUSED: "no connection can be made. The server must listen there, and network policies must let the "
        "operator through",
        Detail.TIMEOUT: f"the answer was not complete in time. An administrator may allow more with `{TIME_SETTING}`",
        Detail.TLS: "no trusted TLS connection can be made. The server's certificate must be valid for the name that "
        "is asked for and issued by a CA in `caRef`, or without that by one that the operator's system trusts",
        Detail.TOO_LARGE: f"the answer is larger than allowed. An administrator may allow more with `{SIZE_SETTING}`",
    }
)


class FetchError(MaterialError):
    """Nothing was fetched; becomes a finding.

    Attributes:
        finding: `FETCH_FAILED`, `HOST_NOT_ALLOWED`, or `INVALID_REQUEST` for a URL or CA that cannot be used.
        may_pass: whether the same request may succeed later; false when the wish or the settings must change first.
    """

    def __init__(self, finding: Finding, *, may_pass: bool = True) -> None:
        super().__init__(finding)
        self.may_pass = may_pass


class HopError(Exception):
    """One request of a fetch did not give what was wanted; inside this floor only.

    Attributes:
        detail: the coarse class.
        status: the number that was answered, when that is the trouble; 0 otherwise.
    """

    def __init__(self, detail: Detail, *, status: int = 0) -> None:
        super().__init__(detail.value)
        self.detail = detail
        self.status = status


class HostNotAllowedError(Exception):
    """A redirect leads to a host that the settings do not allow; inside this floor only."""


def fetch_failed(host: str, error: HopError) -> FetchError:
    """Say in general terms why nothing came from `host`, the one that the wish names."""
    cause = _status_cause(error.status) if error.detail is Detail.STATUS else _CAUSES[error.detail]
    return FetchError(finding(Reason.FETCH_FAILED, f"Cannot fetch from `{host}`: {cause}.", detail=error.detail))


def _status_cause(status: int) -> str:
    # A number is no text, and 403 and 404 are mended in different ways. Those from 500 up alternate behind load
    # balancers; naming each would change the status of the object every time.
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"the server answers with status {status}. `url` must name a list that is served without credentials"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "the server answers that it has a problem of its own (5xx). It is tried again later"
    return "the server answers with a status that was not asked for. `url` must name a list that is simply served"


def host_not_allowed(host: str) -> FetchError:
    """Say that the host of the wish is none of those that the settings allow."""
    message = (
        f"The host `{host}` or its port is not among those that lists are fetched from. `url` must name one that is, "
        f"or an administrator must add it to the setting `{HOSTS_SETTING}`."
    )
    return FetchError(finding(Reason.HOST_NOT_ALLOWED, message), may_pass=False)


def redirect_not_allowed(host: str) -> FetchError:
    """Say that `host` redirects to one that the settings do not allow; which one is the server's word, and not told."""
    message = (
        f"`{host}` redirects to a host or port that is not among those that lists are fetched from. `url` must name "
        f"the final place, and an administrator must add its host to the setting `{HOSTS_SETTING}`."
    )
    return FetchError(finding(Reason.HOST_NOT_ALLOWED, message, detail=Detail.REDIRECT))


def url_unusable(problem: str) -> FetchError:
    """Say what a URL of a wish must be like; `problem` is a phrase of ours."""
    return FetchError(finding(Reason.INVALID_REQUEST, f"`url` {problem}.", detail=Detail.URL), may_pass=False)


def ca_unusable() -> FetchError:
    """Say that the CA certificates of a wish cannot be used."""
    message = "`caRef` must name PEM with at least one CA certificate, and nothing but certificates that can be read."
    return FetchError(finding(Reason.INVALID_REQUEST, message, detail=Detail.NO_CERTIFICATE), may_pass=False)
