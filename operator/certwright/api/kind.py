"""What a kind is, apart from its models: its names and what `kubectl get` shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from certwright.api.model import WireModel

GROUP = "certwright.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "certwright"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`.

    Attributes:
        name: its head.
        path: the JSONPath of its value.
        description: what it shows.
        type: how it is shown; `date` shows the time since, so an instant in the future is a `string`.
        priority: 0 is always shown, 1 with `-o wide`.
    """

    name: str
    path: str
    description: str
    type: Literal["string", "integer", "date"] = "string"
    priority: Literal[0, 1] = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that certwright serves.

    Attributes:
        name: the CamelCase name.
        plural: the name of the resource in URLs and RBAC rules.
        short_name: what one types; must not be another project's.
        scope: whether its objects live in a namespace.
        description: what `kubectl explain` says about the kind.
        spec: the wish.
        status: the verdict.
        columns: what `kubectl get` shows between name and age.
    """

    name: str
    plural: str
    short_name: str
    scope: Literal["Namespaced", "Cluster"]
    description: str
    spec: type[WireModel]
    status: type[WireModel]
    columns: tuple[Column, ...]

    @property
    def resource(self) -> str:
        """Return the full name of the resource, which is also that of its definition."""
        return f"{self.plural}.{GROUP}"


READY_COLUMNS = (
    Column(
        "Ready",
        '.status.conditions[?(@.type=="Ready")].status',
        "True: nothing is wrong and certwright owes nothing.",
    ),
    Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why; `certwright explain` describes each."),
)
"""The first two columns of every kind."""

MESSAGE_COLUMN = Column(
    "Message",
    '.status.conditions[?(@.type=="Ready")].message',
    "What was found, what to do, and what is still served.",
    priority=1,
)
"""The last wide column of every kind."""
