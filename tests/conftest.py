"""What every test shares."""

from __future__ import annotations

from hypothesis import settings

# A busy machine must not fail a property: how long one example takes is not what is tested.
settings.register_profile("workbench", deadline=None)
settings.load_profile("workbench")
