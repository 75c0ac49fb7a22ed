"""The public roots: the certificates that Mozilla trusts, as the package certifi ships them with this installation.

They are a file, so this floor reads them. They change only with a new version of certifi, so once is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import certifi

from certwright.pki.certificate import Certificate
from certwright.pki.trust_bundle import parse_bundle


@dataclass(frozen=True, slots=True)
class PublicRoots:
    """The public roots of this installation.

    Attributes:
        certificates: in the order of the file, each once; some hundred.
        version: where they come from, for a status: `certifi 2026.10.18`.
    """

    certificates: tuple[Certificate, ...]
    version: str


@cache
def public_roots() -> PublicRoots:
    """Give the public roots; the first call reads the file and takes about 20 milliseconds.

    Raises:
        MaterialError: the file that certifi points to is damaged.
    """
    text = certifi.contents().encode()
    return PublicRoots(parse_bundle(text, what="the public roots"), f"certifi {certifi.__version__}")
