"""Run micrograd's own training program under micrograd: the numbers in micrograd.json.

Run by hand where micrograd 0.1.0 is installed:
python tests/data/make_micrograd.py > tests/data/micrograd.json
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

PROGRAM = Path(__file__).with_name("micrograd_program.py").read_text(encoding="utf-8")

if __name__ == "__main__":
    sys.setrecursionlimit(100_000)
    names = {}
    exec(PROGRAM, names)
    header = {
        "source": f"micrograd {version('micrograd')} (Andrej Karpathy), tests/data/micrograd_program.py as it stands",
        "made by": "python tests/data/make_micrograd.py > tests/data/micrograd.json",
        "first_parameters": names["first_parameters"],
        "losses": names["history"],
        "accuracies": names["accuracies"],
        "last_parameters": [p.data for p in names["model"].parameters()],
    }
    json.dump(header, sys.stdout, indent=1)
    print()
