"""Authorities to trust, or not."""

import pytest

from tests.security.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Sign the test servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"), "trusted")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Sign nothing that anybody shows."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")
