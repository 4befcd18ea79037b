"""Run every benchmark beside this file and print what each measures: `python tests/benchmarks/run.py [NAME ...]`.

A benchmark is a file `bench_*.py` with a `main()` that prints its numbers; it runs in a process of its own, so that one
does not warm up another. NAME picks those whose file names contain it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def chosen(names: list[str]) -> list[Path]:
    """The benchmarks whose names contain one of these; all without any."""
    files = sorted(HERE.glob("bench_*.py"))
    return [file for file in files if not names or any(name in file.stem for name in names)]


def main(names: list[str]) -> int:
    """Run them one after the other; how many failed."""
    failed = 0
    files = chosen(names)
    if not files:
        print(f"no benchmark is called like {' or '.join(names)}; there are:")
        print(*(file.stem for file in chosen([])), sep="\n")
        return 1
    for file in files:
        started = time.perf_counter()
        print(f"== {file.stem}", flush=True)
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        code = f"import {module} as benchmark; benchmark.main()"
        failed += subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode != 0
        print(f"   ({time.perf_counter() - started:.1f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
