"""Give every test a desk of its own."""

import pytest

from tests.unit.reconcile.trustdecision.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
