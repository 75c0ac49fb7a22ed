from __future__ import annotations

import re
from importlib.metadata import version

import certifi

from certwright.cluster.public_roots import public_roots
from certwright.pki.trust_bundle import parse_bundle, render_bundle, render_trust_store
from certwright.validation import Role, validate


def test_public_roots_are_the_ones_that_certifi_ships() -> None:
    roots = public_roots()
    assert len(roots.certificates) == certifi.contents().count("BEGIN CERTIFICATE") > 50
    assert roots.version == f"certifi {version('certifi')}"


def test_public_roots_are_read_once() -> None:
    assert public_roots() is public_roots()


def test_public_roots_can_all_sign_certificates() -> None:
    roots = public_roots().certificates
    unfit = [
        root.label
        for root in roots
        if not validate(root, intermediates=(), anchors=roots, at=root.not_after, role=Role.CA).is_valid
    ]
    assert unfit == []


def test_public_roots_are_the_same_set_when_rendered_and_read_back() -> None:
    roots = public_roots().certificates
    rendered = render_bundle(roots, comments=True)
    assert parse_bundle(rendered) == tuple(sorted(roots, key=lambda root: root.fingerprint))
    assert len(re.findall(rb"^# .+ until \d{4}-\d{2}-\d{2}$", rendered, re.MULTILINE)) == len(roots)
    assert len(render_bundle(roots, comments=False)) < 1 << 20  # the most that a ClusterTrustBundle or ConfigMap takes
    assert len(render_trust_store(roots, b"changeit")) < 1 << 20
