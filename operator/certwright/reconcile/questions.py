"""What a pass asks besides objects by name, and the answers.

A question is a value; its answer stands in `Snapshot.answers` under it. Some are answered from memory before anything
is read (`Collection`, `Contact`), others take reading and parsing (`GivenList`, `KeptList`). So a judgement sees all
objects of a kind, what a server delivered, and large lists that others have parsed, and remains a pure function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from certwright.findings import Finding
from certwright.pki.certificate import Certificate
from certwright.pki.crl import RevocationList
from certwright.pki.list_intake import ReadList
from certwright.reconcile.objects import Kind, ObjectKey, Snapshot, Subject


@dataclass(frozen=True, slots=True, order=True)
class Collection:
    """All our own objects of one kind: those of one namespace, or of all when it is empty.

    Answered with a tuple of `Subject`, sorted by key. Whoever asks is looked at again when one of them changes in a
    way that shows (see `Reconciler.face`), appears or goes.
    """

    kind: Kind
    namespace: str

    def __contains__(self, key: ObjectKey) -> bool:
        """Say whether the object is one of them."""
        return key.kind is self.kind and self.namespace in {"", key.namespace}


@dataclass(frozen=True, slots=True)
class Named:
    """One of our own objects, by name. Answered with `Subject`, or `None` when there is none.

    Whoever asks is looked at again when it changes in a way that shows (see `Reconciler.face`), appears or goes.
    """

    key: ObjectKey

    def __contains__(self, key: ObjectKey) -> bool:
        """Say whether the object is the one."""
        return key == self.key


@dataclass(frozen=True, slots=True)
class Naming:
    """All our own objects that ask for one by name (`Named`). Answered with a tuple of `Subject`, sorted by key.

    Whoever asks is looked at again when one of them changes in a way that shows, begins to ask, ceases to, or goes.
    Others of their kind cost nothing, however many there are.
    """

    key: ObjectKey


@dataclass(frozen=True, slots=True)
class Contact:
    """How it stands between an object and the server that it fetches from. Answered with `FetchState`.

    Attributes:
        subject: who fetches.
        uid: of the subject.
        origin: identifies what is fetched and how; a delivery of another origin is none.
        interval: between two fetches, as wished.
        fetched_at: when the content in use came, as far as the status knows.
        next_update: when that ends.
        troubled: the status says that the last fetch brought nothing good.
    """

    subject: ObjectKey
    uid: str
    origin: str
    interval: timedelta
    fetched_at: datetime | None
    next_update: datetime | None
    troubled: bool


@dataclass(frozen=True, slots=True)
class GivenList:
    """A revocation list as somebody handed it in. Answered with `Reading`, or the `Finding` that says what is wrong.

    Attributes:
        what: the field, for messages.
        data: the bytes.
    """

    what: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptList:
    """A revocation list that was accepted before. Answered with `Recalled`, a `Failure`, or `None`: it is lost.

    Attributes:
        fingerprint: of the list.
        parts: the objects that hold it packed, in their order; none when it was not kept.
    """

    fingerprint: str
    parts: tuple[ObjectKey, ...]


@dataclass(frozen=True, slots=True)
class KeptTrust:
    """The record of what a store has deployed. Answered with `TrustRecord`, a `Failure`, or `None`: it is lost.

    Attributes:
        digest: of the whole record.
        parts: the objects that hold it, in their order.
    """

    digest: str
    parts: tuple[ObjectKey, ...]


@dataclass(frozen=True, slots=True)
class Namespaces:
    """All namespaces. Answered with a tuple of `NamespaceFacts`, sorted by name.

    Whoever asks is looked at again when one appears, goes, begins to terminate, or gets other labels.
    """


@dataclass(frozen=True, slots=True)
class Owned:
    """All objects that bear an owner's annotation and our label, as the metadata watch holds them.

    Answered with a mapping of `ObjectKey` to `Metadata`. The owner is looked at again when one of them is changed by
    somebody else, or goes.
    """

    owner: ObjectKey


@dataclass(frozen=True, slots=True)
class RecordsOf:
    """The records of a store that exist in the operator's namespace, for one whose status was lost.

    Answered with a tuple of `ObjectKey`, sorted.

    Attributes:
        stem: what the names of all of them begin with.
    """

    stem: str


@dataclass(frozen=True, slots=True)
class PublicRoots:
    """The roots that Mozilla trusts, as the operator ships them. Answered with `PublicRootsAnswer`."""


@dataclass(frozen=True, slots=True)
class PublicRootsAnswer:
    """The public roots.

    Attributes:
        version: says which they are, for people.
    """

    certificates: tuple[Certificate, ...]
    version: str


Need = ObjectKey | GivenList | KeptList | KeptTrust
"""What gathering reads."""

Question = Collection | Named | Naming | Contact | Namespaces | Owned | RecordsOf | PublicRoots
"""What is answered from memory."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A list that was read, and how it is kept.

    Attributes:
        read: the list, with warnings.
        parts: the list packed for storing; none when that would be too large.
    """

    read: ReadList
    parts: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A list that is at hand, and whether what it is kept in is still there."""

    crl: RevocationList
    is_kept: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a fetch brought, until a pass has dealt with it.

    Attributes:
        at: when it ended (judgement time).
        origin: that of the question it answers.
        reading: new content; `None` when there is none.
        problem: why there is none, when it failed.
        not_modified: the server says that the content which was in use is still current.
        etag: for the next request.
        last_modified: the same.
        notes: warnings.
    """

    at: datetime
    origin: str
    reading: Reading | None = None
    problem: Finding | None = None
    not_modified: bool = False
    etag: str | None = None
    last_modified: str | None = None
    notes: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchState:
    """How fetching stands.

    Attributes:
        due: when the next fetch is to be started; `None` when it is under way, or only a change of the wish or of the
            settings can help.
        running: one is under way; the object is looked at again when it ends.
        delivery: what the last one brought, unless a pass has dealt with it already.
    """

    due: datetime | None = None
    running: bool = False
    delivery: Delivery | None = None


IDLE = FetchState()
"""Nothing is known, and nothing under way."""


def members(snapshot: Snapshot, collection: Collection) -> tuple[Subject, ...]:
    """Give the objects of a collection; none when nobody could answer."""
    answer: tuple[Subject, ...] = snapshot.answers.get(collection, ())
    return answer


def find_named(snapshot: Snapshot, question: Named) -> Subject | None:
    """Give one of our own objects; `None` when there is none, and when nobody could answer."""
    answer: Subject | None = snapshot.answers.get(question)
    return answer


def list_naming(snapshot: Snapshot, question: Naming) -> tuple[Subject, ...]:
    """Give the objects that ask for one by name; none when nobody could answer."""
    answer: tuple[Subject, ...] = snapshot.answers.get(question, ())
    return answer


def fetch_state(snapshot: Snapshot, contact: Contact) -> FetchState:
    """Give how fetching stands."""
    answer: FetchState = snapshot.answers.get(contact, IDLE)
    return answer
