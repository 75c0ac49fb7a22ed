"""Make the uploads: distinct leaves under two intermediates, so that each upload is a chain of three certificates."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.pki import PKI

LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class Upload:
    """What a person would hand in: a certificate chain and its key, both PEM."""

    certificates: bytes
    key: bytes


class Issuers:
    """Be a root that nobody gets to see, and the two intermediates below it."""

    def __init__(self) -> None:
        self._issuing = PKI().root("Bench Root").issue_ca("Bench Intermediate").issue_ca("Bench Issuing CA")
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self._dates = {"not_before": today, "not_after": today + LIFETIME}

    def upload(self, host: str) -> Upload:
        """Make a new key and a certificate of 90 days for a host name; P-256, each call another one."""
        leaf = self._issuing.issue_leaf(host, **self._dates)
        return Upload(leaf.chain_pem.encode(), leaf.key_pem.encode())
