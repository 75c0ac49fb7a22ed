"""Who we are to the API server, and how we know it: read by the official client from a pod's files or a kubeconfig.

The official client is used for this and nothing else. Importing its configuration costs 21 MB and 0.6 s; kopf imports
it as well, so the operator pays that once.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes.client import Configuration
from kubernetes.config import ConfigException, list_kube_config_contexts, load_incluster_config, load_kube_config
from yaml import YAMLError

from certwright.findings import ClusterError, FailureCause

SERVICE_HOST = "KUBERNETES_SERVICE_HOST"
DEFAULT_KUBECONFIG = Path("~/.kube/config")
DEFAULT_NAMESPACE = "default"

UNUSABLE = (ConfigException, OSError, YAMLError, ValueError, TypeError, AttributeError, LookupError)
"""What the library raises over files that are absent, no YAML, or YAML of another shape."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection needs.

    Attributes:
        server: base URL, without a slash at the end.
        authorization: value of that header; `None` when a client certificate is all there is.
        tls: how to verify the server, and our client certificate when there is one.
        tls_digest: of the files that `tls` was made from; the same digest needs no new connections.
        server_name: the name the server's certificate must bear, when it is not the one in `server`.
        proxy: URL of an HTTP proxy.
    """

    server: str
    authorization: str | None = field(repr=False)
    tls: ssl.SSLContext
    tls_digest: bytes = field(repr=False)
    server_name: str | None = None
    proxy: str | None = None


class Login:
    """Load credentials, and load them again: tokens rotate, and so do certificates.

    A pod's files are read each time. A kubeconfig is loaded once and then only asked for its token, which runs an exec
    plugin again when its token has expired; `force` loads everything anew.
    """

    def __init__(self, *, kubeconfig: Path | None = None, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._configuration: Any = None

    def load(self, *, force: bool = False) -> Credentials:
        """Read the credentials; blocks, so call it in a thread.

        Raises:
            ClusterError: there are none, or they cannot be read.
        """
        path = self._path()
        try:
            if path is None:
                self._configuration = _blank()
                load_incluster_config(client_configuration=self._configuration)  # type: ignore[no-untyped-call]
            elif force or self._configuration is None:
                self._configuration = _blank()
                load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=str(path),
                    context=self._context,
                    client_configuration=self._configuration,
                    persist_config=False,
                )
            return _credentials(self._configuration)
        except UNUSABLE as error:
            # The library's message may quote the file; its type says enough.
            raise ClusterError(
                FailureCause.UNAUTHORIZED,
                f"the credentials for the API server cannot be loaded ({type(error).__name__}); "
                f"{'the files of the ServiceAccount' if path is None else 'the kubeconfig'} must be readable and whole",
            ) from None

    def namespace(self) -> str:
        """Give the namespace that the context of the kubeconfig names; `default` where nothing names one."""
        path = self._path()
        if path is None:
            return DEFAULT_NAMESPACE
        try:
            contexts, current = list_kube_config_contexts(config_file=str(path))  # type: ignore[no-untyped-call]
            chosen = next(each for each in contexts if each["name"] == (self._context or current["name"]))
            return str(chosen["context"].get("namespace") or DEFAULT_NAMESPACE)
        except (*UNUSABLE, StopIteration):
            return DEFAULT_NAMESPACE  # what is wrong with the file is said when the credentials are loaded

    def _path(self) -> Path | None:
        # What was asked for, what the environment names, the pod we are in, the person's own: in this order.
        if self._kubeconfig is not None:
            return self._kubeconfig
        if named := os.environ.get("KUBECONFIG"):
            return Path(named)  # several files joined by colons stay one string here; the library splits them
        if os.environ.get(SERVICE_HOST):
            return None
        return DEFAULT_KUBECONFIG.expanduser()


def _blank() -> Any:
    configuration = Configuration()
    # It takes a proxy from the environment, where one is named for other traffic; only a kubeconfig may name ours.
    configuration.proxy = None
    return configuration


def _credentials(configuration: Any) -> Credentials:
    token: str | None = configuration.get_api_key_with_prefix("BearerToken")
    return Credentials(
        server=str(configuration.host).rstrip("/"),
        authorization=token.strip() if token else None,
        tls=_tls_context(configuration),
        tls_digest=_tls_digest(configuration),
        server_name=configuration.tls_server_name or None,
        proxy=configuration.proxy or None,
    )


def _tls_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    # Python 3.13 made this a default; cluster CAs without key identifiers are common, and kubectl accepts them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    return context


def _tls_digest(configuration: Any) -> bytes:
    digest = hashlib.sha256(b"verify" if configuration.verify_ssl else b"")
    for name in (configuration.ssl_ca_cert, configuration.cert_file):
        content = Path(name).read_bytes() if name else b""
        digest.update(len(content).to_bytes(8) + content)
    return digest.digest()
