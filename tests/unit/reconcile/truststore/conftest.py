"""Yards for the tests of stores."""

from __future__ import annotations

import pytest

from tests.unit.reconcile.truststore.yard import CLUSTER_STORE, Yard


@pytest.fixture
def yard() -> Yard:
    return Yard()


@pytest.fixture
def cluster_yard() -> Yard:
    return Yard(main=CLUSTER_STORE)
