"""A real Kubernetes control plane without containers, for tests, the demo and the bench.

with ControlPlane() as control_plane:
    control_plane.kubectl("get", "namespaces")
"""

from tests.support.control_plane.api import ApiClient, Response
from tests.support.control_plane.audit import AuditedRequest
from tests.support.control_plane.errors import ControlPlaneError
from tests.support.control_plane.metrics import RequestKind
from tests.support.control_plane.plane import ControlPlane

__all__ = ["ApiClient", "AuditedRequest", "ControlPlane", "ControlPlaneError", "RequestKind", "Response"]
