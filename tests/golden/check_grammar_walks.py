# SPDX-License-Identifier: Apache-2.0
"""Runs grammar_walks and checks its answers with the package jsonschema.

    python3 check_grammar_walks.py GRAMMAR_WALKS GOLDENS MODEL
"""

import collections
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("needs the Python package jsonschema")
    sys.exit(77)


def main():
    program, goldens, model = sys.argv[1:]
    schemas = [case["grammar"] for case in json.load(open(goldens, encoding="utf-8"))["cases"]]
    output = subprocess.run([program, goldens, model], check=True, capture_output=True, text=True).stdout
    counts = collections.Counter()
    failures = 0
    for line in output.splitlines():
        answer = json.loads(line)
        schema = schemas[answer["case"]]
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        counts[answer["case"]] += 1
        try:
            validator.validate(json.loads(answer["text"]))
        except (ValueError, jsonschema.ValidationError) as error:
            failures += 1
            print(f"{json.dumps(schema)}: {answer['text']!r}: {error}")
    print(f"{counts.total()} answers to {len(schemas)} schemas, {failures} wrong")
    return 1 if failures or len(counts) < len(schemas) else 0


if __name__ == "__main__":
    sys.exit(main())
