"""Writes that only sets of certificates need: ready content, exact restoring, fencing, and dry runs."""

from __future__ import annotations

import base64
from http import HTTPStatus

from certwright.cluster.applies import Applies, fence
from certwright.cluster.decode import observed_of, version_of
from certwright.cluster.requests import METADATA_ONLY, Patch, Request, Verb, delete, encode, get, patch
from certwright.cluster.resources import RESOURCES
from certwright.findings import ClusterError, FailureCause
from certwright.reconcile.objects import Kind, Observed
from certwright.reconcile.set_actions import Annotate, ApplyContent, Rehearse, RemoveSecret, RestoreSecret


class SetWrites(Applies):
    """The part of `certwright.cluster.client.ApiServer` that serves sets of certificates."""

    async def apply_content(self, action: ApplyContent) -> Observed:
        """Create or update a Secret or ConfigMap with data that is at hand.

        Raises:
            ClusterError: `ALREADY_EXISTS` when it was to be created and is there; `CONFLICT` when it changed or went;
                any other cause when it could not be written.
        """
        manifest = await self._apply(action, self._content(action))
        return observed_of(action.key, manifest, data=action.data, secret_type=action.type)

    async def restore_secret(self, action: RestoreSecret) -> Observed:
        """Replace data, labels, annotations and owner references of a Secret; the rest of it stays.

        Raises:
            ClusterError: it changed or went (`CONFLICT`, `NOT_FOUND`), or could not be written.
        """
        manifest = (await self._requests.send(get(action.key))).manifest()
        metadata = manifest["metadata"]
        if version_of(metadata) != action.replaces:
            raise ClusterError(FailureCause.CONFLICT, f"{action.key} has changed", status=HTTPStatus.CONFLICT)
        metadata["labels"] = dict(action.labels)
        metadata["annotations"] = dict(action.annotations)
        metadata["ownerReferences"] = [dict(each) for each in action.owner_references]
        manifest["data"] = {name: base64.b64encode(content).decode() for name, content in action.data.items()}
        resource = RESOURCES[action.key.kind]
        request = Request(
            Verb.UPDATE,
            resource,
            resource.single(action.key.namespace, action.key.name),
            action.key.namespace,
            action.key.name,
            body=encode(manifest),
            accept=METADATA_ONLY,
        )
        answer = (await self._requests.send(request)).manifest()
        return observed_of(action.key, answer, data=action.data, secret_type=manifest.get("type", ""))

    async def annotate(self, action: Annotate) -> Observed:
        """Set some annotations; what else the object holds is not known from the answer.

        Raises:
            ClusterError: it changed or went (`CONFLICT`, `NOT_FOUND`), or could not be written.
        """
        changes = {"metadata": {**fence(action.replaces), "annotations": dict(action.annotations)}}
        answer = await self._requests.send(patch(action.key, changes, how=Patch.MERGE, accept=METADATA_ONLY))
        return observed_of(action.key, answer.manifest())

    async def rehearse(self, action: Rehearse) -> None:
        """Send a write that the API server checks, admission and preconditions included, and does not carry out.

        Raises:
            ClusterError: it would have been refused.
        """
        write = action.write
        if isinstance(write, RemoveSecret):
            options = {"preconditions": fence(write.replaces), "dryRun": ["All"]}
            try:
                await self._requests.send(delete(write.key, options))
            except ClusterError as error:
                if error.cause is not FailureCause.NOT_FOUND:
                    raise
            return
        await self._apply(write, self._content(write), trial=True)

    @staticmethod
    def _content(action: ApplyContent) -> bytes:
        content: dict[str, object] = {"immutable": True} if action.immutable else {}
        if action.key.kind is Kind.SECRET:
            content["type"] = action.type
            content["data"] = {name: base64.b64encode(each).decode() for name, each in action.data.items()}
        else:
            content["data"] = {name: each.decode() for name, each in action.data.items()}
        return encode(content)
