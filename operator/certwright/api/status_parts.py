"""What the statuses of all kinds are made of: findings, and the versions of what was read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from certwright.api.fields import Fingerprint, ObjectName, Uid, Word
from certwright.api.model import WireModel
from certwright.findings import MESSAGE_LIMIT


class FindingEntry(WireModel):
    """One thing that is wrong, or worth a look."""

    reason: Word
    """reason is one word for the problem; `certwright explain REASON` says what it means and how to mend it."""

    detail: Word | None = None
    """detail is the precise defect, where one reason covers several."""

    severity: Literal["Error", "Warning"]
    """severity is `Error`, which refuses the material, or `Warning`, which only informs."""

    code: int | None = None
    """code is the documented number of the problem: a validation code, or 1002 (not found), 1020 (internal error)."""

    fingerprint: Fingerprint | None = None
    """fingerprint is the SHA-256 digest of the certificate that it is about."""

    message: Annotated[str, Field(max_length=MESSAGE_LIMIT)]
    """message says for a person what was found and what to do next."""


class Input(WireModel):
    """The version of one object that the verdict was made from."""

    kind: Word
    """kind is the kind of the object."""

    name: ObjectName
    """name is the name of the object."""

    uid: Uid | None = None
    """uid is the UID of the object, absent while the object is."""

    resource_version: Uid | None = None
    """resourceVersion is the version that was read, absent while the object is."""
