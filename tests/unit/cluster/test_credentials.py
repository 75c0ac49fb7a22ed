import base64
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from certwright.cluster.credentials import Login
from certwright.findings import ClusterError, FailureCause
from tests.support.pki import PKI

ROOT = PKI().root("Cluster CA")
CLIENT = ROOT.issue_leaf("operator.example.com")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine's own configuration play no part."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Be in a pod; gives the folder of the ServiceAccount."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text(ROOT.pem)
    return tmp_path


def kubeconfig(path: Path, user: Mapping[str, Any], **cluster: Any) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "users": [{"name": "u", "user": dict(user)}],
        "clusters": [
            {
                "name": "k",
                "cluster": {
                    "server": "https://127.0.0.1:6443/",
                    "certificate-authority-data": base64.b64encode(ROOT.pem.encode()).decode(),
                }
                | cluster,
            }
        ],
    }
    path.write_text(json.dumps(content))
    return path


def test_load_reads_the_files_of_the_pod_when_in_one(pod: Path) -> None:
    credentials = Login().load()

    assert credentials.server == "https://[fd00::1]:443"
    assert credentials.authorization == "bearer first"
    assert credentials.tls.verify_mode is ssl.CERT_REQUIRED
    assert credentials.proxy is None
    assert pod.is_dir()


def test_load_reads_the_token_again_when_it_was_replaced(pod: Path) -> None:
    login = Login()
    before = login.load()
    (pod / "token").write_text("second")
    after = login.load()

    assert after.authorization == "bearer second"
    assert after.tls_digest == before.tls_digest


def test_load_tells_by_the_digest_when_the_ca_was_replaced(pod: Path) -> None:
    login = Login()
    before = login.load()
    (pod / "ca.crt").write_text(PKI().root("Another CA").pem)

    assert login.load().tls_digest != before.tls_digest


def test_load_takes_no_proxy_from_the_environment(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")

    assert Login().load().proxy is None
    assert pod.is_dir()


def test_load_raises_when_the_pod_has_no_token(pod: Path) -> None:
    (pod / "token").unlink()

    with pytest.raises(ClusterError, match="the files of the ServiceAccount must be readable") as caught:
        Login().load()
    assert caught.value.cause is FailureCause.UNAUTHORIZED


def test_load_reads_a_token_when_the_kubeconfig_holds_one(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", {"token": "t"}, **{"tls-server-name": "api", "proxy-url": "http://p:1"})
    credentials = Login(kubeconfig=path).load()

    assert credentials.server == "https://127.0.0.1:6443"
    assert credentials.authorization == "Bearer t"
    assert credentials.server_name == "api"
    assert credentials.proxy == "http://p:1"
    assert "Bearer" not in repr(credentials)


def test_load_takes_a_client_certificate_when_the_kubeconfig_holds_one(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_text(CLIENT.pem)
    (tmp_path / "tls.key").write_text(CLIENT.key_pem)
    user = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    credentials = Login(kubeconfig=kubeconfig(tmp_path / "k", user)).load()

    assert credentials.authorization is None


def test_load_verifies_nothing_when_the_kubeconfig_says_so(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", {"token": "t"}, **{"insecure-skip-tls-verify": True})

    assert Login(kubeconfig=path).load().tls.verify_mode is ssl.CERT_NONE


def test_load_runs_the_plugin_again_when_its_token_has_expired(tmp_path: Path) -> None:
    script = tmp_path / "plugin"
    script.write_text(
        "#!/bin/sh\n"
        f'echo x >> "{tmp_path}/runs"\n'
        'echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": '
        '{"token": "t\'$(wc -l < "' + str(tmp_path) + '/runs" | tr -d " ")\'", '
        '"expirationTimestamp": "2020-01-01T00:00:00Z"}}\'\n'
    )
    script.chmod(0o700)
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}
    }
    login = Login(kubeconfig=kubeconfig(tmp_path / "k", user))

    first, second = login.load(), login.load()

    assert first.authorization != second.authorization
    assert str(first.authorization).startswith("Bearer t")


def test_load_reads_the_kubeconfig_again_only_when_forced(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", {"token": "old"})
    login = Login(kubeconfig=path)
    login.load()
    kubeconfig(path, {"token": "new"})

    assert login.load().authorization == "Bearer old"
    assert login.load(force=True).authorization == "Bearer new"


def test_load_follows_the_environment_when_it_names_a_kubeconfig(
    pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "k", {"token": "t"})))

    assert Login().load().server == "https://127.0.0.1:6443"
    assert pod.is_dir()


def test_load_reads_the_persons_kubeconfig_when_there_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", {"token": "t"})

    assert Login().load().authorization == "Bearer t"


@pytest.mark.parametrize("content", [None, "", "a: b", "{", "[]", "current-context: x"])
def test_load_raises_without_the_content_when_the_kubeconfig_is_of_no_use(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "k"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ClusterError, match="the kubeconfig must be readable") as caught:
        Login(kubeconfig=path).load()
    assert caught.value.__suppress_context__
    assert os.fspath(path) not in caught.value.message
