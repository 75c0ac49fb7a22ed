"""Random CAs and leaves: chains, cross-signs, renewals, constraints of every kind, and faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support import der_writer as der
from tests.support import extension_writer as ext
from tests.support.pki import CA_WISHES, NOW, Entity, Wish, ec_key, issue

if TYPE_CHECKING:
    from tests.differential.dice import Dice
    from tests.support.extension_writer import Ext
    from tests.support.pki import Key

DAY = timedelta(days=1)
POLICIES = ("1.2.3.1", "1.2.3.2", "1.2.3.3", "2.5.29.32.0")
HOSTS = ("corp.test", "a.corp.test", "x.y.corp.test", "a.evil.test", "corp.test.evil.test")
ADDRESSES = ("10.0.0.7", "192.168.3.4", "2001:db8::1")
MAILBOXES = ("a@corp.test", "b@corp.test", "a@mail.corp.test", "a@evil.test")
LOCATIONS = ("https://corp.test/a", "https://a.corp.test/b", "https://a.evil.test/c")
ORGANISATIONS = ("Corp", "Corp", "Corp", "Evil")
TREES = (
    *(der.dns_name(name) for name in ("corp.test", "a.corp.test", "evil.test")),
    *(der.ip_address(name) for name in ("10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32")),
    *(der.email(name) for name in ("a@corp.test", "corp.test", ".corp.test", "evil.test")),
    *(der.uri(name) for name in ("corp.test", ".corp.test", "a.evil.test")),
    *(der.directory(der.name(("O", name))) for name in ("Corp", "Evil")),
)
STYLES = (
    "plain",
    "plain",
    "plain",
    "renewed",
    "split",
    "located",
    "reasons",
    "delta",
    "delta",
    "indirect",
    "delegated",
)


@dataclass(eq=False)
class Authority:
    """A CA, all certificates that others made for its name and key, and how it publishes revocation.

    Attributes:
        entity: the first of its certificates; it issues.
        style: how its lists look, a name in `lists`.
        twins: further certificates for the same name and key.
        issued: what it issued.
        depth: how far below a root it is.
    """

    entity: Entity
    style: str
    depth: int = 0
    twins: list[Entity] = field(default_factory=list)
    issued: list[Entity] = field(default_factory=list)

    @property
    def location(self) -> str:
        return f"http://crl.test/{self.entity.serial:x}"


def make_root(dice: Dice, number: int) -> Authority:
    wishes: dict[str, Any] = {**CA_WISHES, **_dates(dice, "anchor-dated"), "subject": _name(dice, f"Root {number}")}
    if dice.fault(0.05, "anchor-v1"):
        wishes["version"] = 1
    if dice.likely(0.1, "anchor-limited"):
        wishes["path_length"] = dice.one_of((0, 1, 2))
    if dice.likely(0.06, "anchor-constrained"):
        wishes["extensions"] = [_constraints(dice)]
    if dice.likely(0.05):
        wishes["key_usage"] = None
    if dice.fault(0.04, "anchor-unfit"):
        wishes["key_usage"] = ("cRLSign",)
    root = issue("", Wish(**wishes), None)
    if dice.fault(0.05, "anchor-forged"):
        root = _flip(root)
    return Authority(root, dice.one_of(STYLES[:5]))


def make_ca(dice: Dice, parent: Authority, number: int) -> Authority:
    wishes = _ca_wishes(dice, parent)
    wishes["subject"] = _name(dice, f"CA {number}")
    if dice.likely(0.08, "self-issued"):  # a new key of the parent's name
        wishes["subject"], wishes["key"] = parent.entity.subject, ec_key(f"renewed {number}")
    return Authority(_issue(dice, parent, wishes), dice.one_of(STYLES), parent.depth + 1)


def cross_sign(dice: Dice, ca: Authority, other: Authority) -> None:
    """Have `other` certify the name and key of `ca` too, or the name with another key."""
    key: Key = ca.entity.key
    if dice.fault(0.2, "twin-of-another-key"):
        key = ec_key(f"twin {ca.entity.serial}")
    twin = _issue(dice, other, {**_ca_wishes(dice, other), "subject": ca.entity.subject, "key": key})
    dice.traits.add("alternatives")
    ca.twins.append(twin)


def make_leaf(dice: Dice, parent: Authority, number: int) -> Entity:
    names = {
        "dns": dice.some_of(HOSTS[:3] if dice.likely(0.6) else HOSTS)[:2],
        "ips": dice.some_of(ADDRESSES)[:1] if dice.likely(0.2) else (),
        "emails": dice.some_of(MAILBOXES)[:2] if dice.likely(0.25) else (),
        "uris": dice.some_of(LOCATIONS)[:1] if dice.likely(0.2) else (),
    }
    common = dice.one_of(HOSTS) if dice.likely(0.3) else f"leaf {number}"
    if "." in common and not names["dns"]:
        dice.traits.add("common-name-only")
    wishes: dict[str, Any] = {**names, **_dates(dice, ""), "subject": _name(dice, common)}
    wishes["extensions"] = [*_policies(dice), *_locations(dice, parent), *_oddities(dice)]
    if dice.fault(0.15):
        wishes["usages"] = dice.one_of((None, ("clientAuth",), ("codeSigning",), ("serverAuth",)))
    if dice.fault(0.08):
        wishes["key_usage"] = dice.one_of((None, ("keyEncipherment",), ("keyAgreement",), ("cRLSign",)))
    if dice.likely(0.04, "odd-serial"):
        wishes["serial"] = dice.one_of((0, -number - 1, 2**159 + number))
    if dice.fault(0.03, "self-signed-leaf"):
        return issue("", Wish(**wishes), None)
    return _issue(dice, parent, wishes)


def _issue(dice: Dice, parent: Authority, wishes: dict[str, Any]) -> Entity:
    without = ["authorityKeyIdentifier"] if dice.likely(0.1, "no-key-id") else []
    if dice.likely(0.05, "no-key-id"):
        without.append("subjectKeyIdentifier")
    if dice.fault(0.05, "forged"):
        wishes["sign_with"] = ec_key("stranger")
    made = issue("", Wish(**{"without": without, **wishes}), parent.entity)
    if dice.fault(0.05, "forged"):
        made = _flip(made)
    parent.issued.append(made)
    return made


def _ca_wishes(dice: Dice, parent: Authority) -> dict[str, Any]:
    wishes: dict[str, Any] = {**CA_WISHES, **_dates(dice, "")}
    extensions = [*_policies(dice), *_locations(dice, parent), *_oddities(dice)]
    if dice.likely(0.2):
        wishes["path_length"] = dice.one_of((0, 0, 1, 2, 3))
    if dice.likely(0.2, "constrained"):
        extensions.append(_constraints(dice))
    if dice.likely(0.06, "ca-without-key-usage"):
        wishes["key_usage"] = None
    if dice.fault(0.06):
        wishes["key_usage"] = dice.one_of((("cRLSign",), ("keyCertSign",), ("digitalSignature",)))
    if dice.fault(0.05, "not-a-ca"):
        wishes["ca"] = dice.one_of((False, None))
    return {**wishes, "extensions": extensions}


def _name(dice: Dice, common: str) -> bytes:
    return der.name(("O", dice.one_of(ORGANISATIONS)), ("CN", common))


def _dates(dice: Dice, trait: str) -> dict[str, Any]:
    if dice.fault(0.05, trait):
        return {"not_before": NOW - 90 * DAY, "not_after": NOW - dice.one_of((1, 30)) * DAY}
    if dice.fault(0.03, trait):
        return {"not_before": NOW + DAY, "not_after": NOW + 90 * DAY}
    if dice.fault(0.05, "last-instant"):
        return {"not_before": NOW - 90 * DAY, "not_after": NOW}
    if dice.likely(0.03):
        return {"not_before": NOW, "not_after": NOW + 9000 * DAY}
    return {}


def _constraints(dice: Dice) -> Ext:
    permitted = dice.random.sample(TREES, dice.one_of((0, 1, 2, 4, 6)))
    excluded = dice.random.sample(TREES, dice.one_of((0, 1) if permitted else (1, 2)))
    return ext.name_constraints(permitted=permitted, excluded=excluded)


def _policies(dice: Dice) -> list[Ext]:
    made: list[Ext] = []
    if dice.likely(0.6):
        made.append(ext.certificate_policies(*dice.some_of(POLICIES, least=1)))
    if dice.likely(0.05):
        made.append(ext.policy_mappings(*[(POLICIES[0], dice.one_of(POLICIES[:3])) for _ in range(1)]))
    if dice.likely(0.06):
        made.append(ext.policy_constraints(explicit=dice.one_of((0, 0, 1, 2)), mapping=dice.one_of((None, 0, 1))))
    if dice.likely(0.05):
        made.append(ext.inhibit_any_policy(dice.one_of((0, 1))))
    return made


def _locations(dice: Dice, parent: Authority) -> list[Ext]:
    """Say where the lists of the issuer are, as its style of publishing demands."""
    if parent.style == "located":
        location = f"{parent.location}/moved" if dice.fault(0.1) else parent.location
        return [ext.crl_distribution_points(ext.point(names=[der.uri(location)]))]
    if parent.style == "indirect":
        names = [der.uri("http://crl.test/all")]
        return [ext.crl_distribution_points(ext.point(names=names, crl_issuer=list_issuer_name(parent)))]
    if parent.style == "delta" and dice.likely(0.5):
        return [ext.freshest_crl()]
    return []


def list_issuer_name(authority: Authority) -> bytes:
    """Name who publishes for an authority whose lists are indirect."""
    return der.name(("O", "Corp"), ("CN", f"List issuer {authority.entity.serial:x}"))


def _oddities(dice: Dice) -> list[Ext]:
    if dice.fault(0.04, "unknown-critical"):
        return [ext.unknown()]
    return [ext.unknown(critical=False)] if dice.likely(0.05) else []


def _flip(entity: Entity) -> Entity:
    """Change one bit of the signature."""
    changed = bytearray(entity.der)
    changed[-3] ^= 1
    return replace(entity, der=bytes(changed))
