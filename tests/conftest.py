"""What every test shares."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine must not fail a property: how long one example takes is not what is tested.
settings.register_profile("workbench", deadline=None)
settings.load_profile("workbench")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for processes and browsers begin first, so that no core is idle at the end."""
    slow = {
        item.path
        for item in items
        if item.path.suffix == ".ipynb" or any(item.get_closest_marker(name) for name in ("browser", "process"))
    }
    items.sort(key=lambda item: item.path not in slow)
