"""Put objects into the cluster, and take them away, as fast as the API server lets us."""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from tests.bench.api import GROUP, Api, spread
from tests.bench.material import Issuers, Upload

PER_NAMESPACE = 100
FOREIGN_BYTES = 1024


@dataclass(frozen=True)
class Site:
    """One certificate of somebody: where its object, upload and target are."""

    namespace: str
    name: str

    @property
    def host(self) -> str:
        """Return the host name that the certificate is for."""
        return f"{self.name}.{self.namespace}.example.com"

    @property
    def upload_path(self) -> str:
        """Return the path of the Secret that is handed in."""
        return f"{secrets(self.namespace)}/{self.name}-upload"

    @property
    def target_path(self) -> str:
        """Return the path of the Secret that consumers use."""
        return f"{secrets(self.namespace)}/{self.name}-tls"

    @property
    def path(self) -> str:
        """Return the path of the ImportedCertificate."""
        return f"{custom_objects(self.namespace)}/{self.name}"

    def manifest(self) -> dict[str, Any]:
        """Return the ImportedCertificate."""
        return {
            "apiVersion": "certwright.io/v1alpha1",
            "kind": "ImportedCertificate",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "certificateRef": {"name": f"{self.name}-upload"},
                "dnsNames": [self.host],
                "targets": [{"secretName": f"{self.name}-tls"}],
            },
        }


def secrets(namespace: str) -> str:
    """Return the path of the Secrets of a namespace."""
    return f"/api/v1/namespaces/{namespace}/secrets"


def custom_objects(namespace: str = "") -> str:
    """Return the path of the ImportedCertificates of a namespace, or of all."""
    return f"{GROUP}/namespaces/{namespace}/importedcertificates" if namespace else f"{GROUP}/importedcertificates"


def sites(prefix: str, count: int) -> list[Site]:
    """Name `count` sites, 100 in each namespace."""
    return [Site(f"{prefix}-{number // PER_NAMESPACE:03d}", f"site-{number:05d}") for number in range(count)]


def upload_data(upload: Upload) -> dict[str, str]:
    """Return the data of an upload's Secret."""
    return {"tls.crt": b64encode(upload.certificates).decode(), "tls.key": b64encode(upload.key).decode()}


async def create_namespaces(api: Api, places: list[Site]) -> None:
    """Create the namespaces of some sites."""

    async def create(namespace: str) -> None:
        await api.create(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        )

    await spread(sorted({place.namespace for place in places}), create)


async def create_uploads(api: Api, places: list[Site], issuers: Issuers) -> None:
    """Hand in a certificate and key for each site."""

    async def create(place: Site) -> None:
        upload = issuers.upload(place.host)
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{place.name}-upload", "namespace": place.namespace},
            "type": "kubernetes.io/tls",
            "data": upload_data(upload),
        }
        await api.create(secrets(place.namespace), manifest)

    await spread(places, create)


async def create_custom_objects(api: Api, places: list[Site]) -> list[dict[str, Any]]:
    """Create the ImportedCertificate of each site and return them all."""
    made: list[dict[str, Any]] = []

    async def create(place: Site) -> None:
        made.append(await api.create(custom_objects(place.namespace), place.manifest()))

    await spread(places, create)
    return made


async def create_foreign_secrets(api: Api, count: int) -> None:
    """Create Secrets that are nobody's business, 1 KiB each, in a namespace of their own."""
    await api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "foreign"}})
    value = b64encode(b"x" * FOREIGN_BYTES).decode()

    async def create(number: int) -> None:
        manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"foreign-{number:05d}", "labels": {"app.kubernetes.io/name": "somebody-else"}},
            "data": {"value": value},
        }
        await api.send("POST", secrets("foreign"), json.dumps(manifest).encode())

    await spread(range(count), create)


async def delete_everything(api: Api, places: list[Site]) -> None:
    """Delete the ImportedCertificates and Secrets of the namespaces of some sites; the namespaces stay."""

    async def clear(path: str) -> None:
        await api.send("DELETE", path)

    namespaces = sorted({place.namespace for place in places})
    await spread([custom_objects(name) for name in namespaces], clear)
    await spread([secrets(name) for name in namespaces], clear)
