"""Prints a C statement PANICS(call); for each function of tenas.h that returns a status, all
arguments 0: what tests/c/hooks.c includes, so that it forgets none.

Usage: every_call.py include/tenas.h
"""

import re
import sys

# For signal handlers: it reports nothing, and does nothing that could go wrong.
UNREPORTED = {"tenas_context_cancel"}

with open(sys.argv[1], encoding="utf-8") as header:
    code = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.DOTALL)
calls = re.findall(r"^tenas_status (tenas_\w+)\(([^)]*)\);", code, flags=re.MULTILINE)
if len(calls) < 2:
    sys.exit(f"{sys.argv[1]}: found {len(calls)} functions that return a status")
for name, parameters in calls:
    if name not in UNREPORTED:
        print(f"PANICS({name}({', '.join('0' for _ in parameters.split(','))}));")
