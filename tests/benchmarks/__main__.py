"""`python -m tests.benchmarks`: every benchmark, one after the other."""

from __future__ import annotations

import sys

from tests.benchmarks.run import main

sys.exit(main(sys.argv[1:]))
