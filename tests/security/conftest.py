"""Authorities to trust, or not; the roles and the producer of the drain's tests."""

import pytest

from tests.security.certificates import Authority
from tests.warehouse.conftest import owner, producer, reader

__all__ = ["authority", "owner", "producer", "reader", "stranger"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Sign the test servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"), "trusted")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Sign nothing that anybody shows."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")
