"""Checks space files against docs/space.schema.json:

    PYTHONPATH=.cache/pytorch python3 tests/python/check_schema.py FILE...

A file whose name begins with "bad-schema" must be refused, any other accepted.
"""

import json
import os
import sys

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(ROOT, "docs", "space.schema.json")) as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
failed = 0
for path in sys.argv[1:]:
    with open(path) as file:
        errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(json.load(file))]
    wanted = os.path.basename(path).startswith("bad-schema")
    if bool(errors) != wanted:
        failed += 1
        print(f"{path}: found {errors or 'nothing wrong'}")
print(f"{len(sys.argv) - 1 - failed} passed, {failed} failed")
sys.exit(failed > 0)
