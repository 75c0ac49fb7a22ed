"""Server-side applies of what we store: Secrets, bundles and records, each with its full intent and its fence."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from certwright.cluster.decode import observed_of
from certwright.cluster.rendering import Recipe
from certwright.cluster.requests import METADATA_ONLY, Patch, encode, patch
from certwright.cluster.resources import RESOURCES, Resource
from certwright.cluster.retries import Retrying
from certwright.cluster.served import Served
from certwright.findings import ClusterError, FailureCause
from certwright.pki.trust_bundle import BundleRecipe
from certwright.reconcile.objects import ObjectKey, Observed, Version
from certwright.reconcile.plan import (
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NAMESPACE_LABEL,
    OWNER_ANNOTATION,
    TRUST_BUNDLE_KEY,
    ApplyBundle,
    ApplyClusterTrustBundle,
    ApplySecret,
    KeepRecord,
)
from certwright.reconcile.set_actions import ApplyContent

ONLY_IF_ABSENT = {"resourceVersion": "1"}
"""No object has this version, so an apply that carries it creates or is refused; it never merges into a stranger's."""

MOST_RENDERED = 16
"""How many bundles are kept as they are sent: a store has at most as many targets in a namespace."""

Render = Callable[[Recipe, Mapping[str, bytes]], Awaitable[dict[str, bytes]]]
"""Makes the data of an object from its recipe and what is stored now; PKCS#12 is work for another process."""

_Rendered = tuple[BundleRecipe, dict[str, bytes], bytes]


class Applies:
    """The half of `certwright.cluster.client.ApiServer` that writes content.

    Args:
        requests: the way to the API server.
        render: makes data from recipes.
        served: tells where kinds live that not every API server has.
    """

    def __init__(self, requests: Retrying, *, render: Render, served: Served) -> None:
        self._requests = requests
        self._render = render
        self._served = served
        self._rendered: OrderedDict[int, _Rendered] = OrderedDict()

    async def apply_secret(self, action: ApplySecret) -> Observed:
        """Create or update a target; the answer carries its new version and the data that was written.

        Raises:
            ClusterError: `ALREADY_EXISTS` when it was to be created and is there; `CONFLICT` when it changed or went;
                any other cause when it could not be written.
        """
        data = await self._render(action.recipe, action.stored)
        content = encode({"type": action.type, "data": _in_base64(data)})
        manifest = await self._apply(action, content)
        return observed_of(action.key, manifest, data=data, secret_type=action.type)

    async def apply_bundle(self, action: ApplyBundle) -> Observed:
        """Create or update a ConfigMap with a bundle; the answer is as that of `apply_secret`.

        Raises:
            ClusterError: as of `apply_secret`.
        """
        data, content = await self._bundle(action)
        return observed_of(action.key, await self._apply(action, content), data=data)

    async def apply_cluster_trust_bundle(self, action: ApplyClusterTrustBundle) -> Observed:
        """Create or update a ClusterTrustBundle; the answer is as that of `apply_secret`.

        Raises:
            ClusterError: `NOT_SERVED` when the API server does not know the kind; else as of `apply_secret`.
        """
        resource = await self._resource(action.key)
        (text,) = (await self._render(action.recipe, {})).values()
        spec = {TRUST_BUNDLE_KEY: text.decode()}
        if action.signer_name is not None:
            spec["signerName"] = action.signer_name
        manifest = await self._apply(action, encode({"spec": spec}), resource)
        return observed_of(action.key, manifest, data={TRUST_BUNDLE_KEY: text})

    async def keep_record(self, action: KeepRecord) -> Observed:
        """Create an immutable ConfigMap; one that exists stays as it is.

        Raises:
            ClusterError: `ALREADY_EXISTS` when it is there; any other cause when it could not be written.
        """
        owner = action.owner
        intent = {
            **head(action.key),
            "metadata": {
                "name": action.key.name,
                "namespace": action.key.namespace,
                **ONLY_IF_ABSENT,
                "labels": {MANAGED_BY_LABEL: MANAGED_BY, NAMESPACE_LABEL: owner.namespace},
                "annotations": {OWNER_ANNOTATION: f"{owner.kind}/{owner.namespace}/{owner.name}"},
            },
            "immutable": True,
            "binaryData": _in_base64(action.data),
        }
        return observed_of(
            action.key, await self._send_apply(action.key, encode(intent), creates=True), data=action.data
        )

    # ---- inside

    async def _resource(self, key: ObjectKey) -> Resource:
        resource = await self._served.resource(key.kind)
        if resource is None:
            text = f"the API server does not serve {RESOURCES[key.kind].kind} in a version that certwright knows"
            raise ClusterError(FailureCause.NOT_SERVED, text)
        return resource

    async def _bundle(self, action: ApplyBundle) -> tuple[dict[str, bytes], bytes]:
        """Give data and content of a ConfigMap, made once for all those that share the recipe."""
        recipe = action.recipe
        if recipe.format != "PEM":
            data = await self._render(recipe, action.stored)
            return data, encode({"binaryData": _in_base64(data)})
        # By identity: to compare hundreds of certificates would cost as much as to write them.
        held = self._rendered.get(id(recipe))
        if held is None or held[0] is not recipe:
            data = await self._render(recipe, {})
            held = (recipe, data, encode({"data": {name: text.decode() for name, text in data.items()}}))
            self._rendered[id(recipe)] = held
            if len(self._rendered) > MOST_RENDERED:
                self._rendered.popitem(last=False)
        return held[1], held[2]

    async def _apply(
        self,
        action: ApplySecret | ApplyBundle | ApplyClusterTrustBundle | ApplyContent,
        content: bytes,
        resource: Resource | None = None,
        *,
        trial: bool = False,
    ) -> dict[str, Any]:
        """Apply marks and content.

        Args:
            action: what is applied.
            content: a JSON object with the fields beside `metadata`.
            resource: where the kind lives.
            trial: have it checked, and not carried out.
        """
        key, creates = action.key, action.replaces is None
        metadata: dict[str, Any] = {
            "name": key.name,
            **({"namespace": key.namespace} if key.namespace else {}),
            **(ONLY_IF_ABSENT if action.replaces is None else fence(action.replaces)),
            "labels": dict(action.labels),
            "annotations": dict(action.annotations),
        }
        if action.owner_reference is not None:
            metadata["ownerReferences"] = [dict(action.owner_reference)]
        marks = encode({**head(key, resource), "metadata": metadata})
        return await self._send_apply(
            key, marks[:-1] + b"," + content[1:], creates=creates, resource=resource, trial=trial
        )

    async def _send_apply(
        self, key: ObjectKey, intent: bytes, *, creates: bool, resource: Resource | None = None, trial: bool = False
    ) -> dict[str, Any]:
        request = patch(key, intent, how=Patch.APPLY, accept=METADATA_ONLY, resource=resource)
        if trial:
            request = replace(request, target=f"{request.target}&dryRun=All")
        try:
            return (await self._requests.send(request)).manifest()
        except ClusterError as error:
            if not creates or error.cause is not FailureCause.CONFLICT:
                raise
            text = f"{key} exists already and was left alone"
            raise ClusterError(FailureCause.ALREADY_EXISTS, text, status=error.status) from None


def head(key: ObjectKey, resource: Resource | None = None) -> dict[str, str]:
    """Give what every manifest begins with."""
    resource = resource or RESOURCES[key.kind]
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def fence(version: Version) -> dict[str, str]:
    """Give what lets a write happen to one state of one object only."""
    # Both: the version alone would bring a deleted object back, the uid alone would let an older plan win.
    return {"uid": version.uid, "resourceVersion": version.resource_version}


def _in_base64(data: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(content).decode() for name, content in data.items()}
