"""`python -m workbench.engine --spec FILE`: the process that trades. People start it through `Session.start`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.engine.process import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m workbench.engine", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="spec.json in the run folder")
    sys.exit(main(parser.parse_args().spec))
