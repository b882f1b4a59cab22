#!/usr/bin/env bash
#
# fastavro 1.13.1 (values of NumPy 2.4.6 among them). The same values are written to a field of a plain type and
# to one that may also be null, and read back.
#
# Expected: a value that is not of the type is refused in both, or converted in both.
#
# What happens: for a plain type nothing is checked: long takes 3.7 and stores 3, boolean takes 5 and stores
# True, int stores 2^31, which is no 32-bit number, and float stores 1e300 as infinity. As soon as "null" is
# added the values are matched with the types of the union, and 3.7, 5 and 2^31 raise ValueError; so does
# NumPy's bool, which the plain field takes. And a union takes the first type that fits: ["null", "double",
# "long"] stores the whole number 2^53 + 1 as the double 2^53.
#
# Seen:
#   fastavro 1.13.1 numpy 2.4.6
#   3.7          as long     -> 3            as ['null', 'long'] -> 'ValueError'
#   5            as boolean  -> True         as ['null', 'boolean'] -> 'ValueError'
#   2147483648   as int      -> 2147483648   as ['null', 'int'] -> 'ValueError'
#   1e+300       as float    -> inf          as ['null', 'float'] -> inf
#   np.True_     as boolean  -> True         as ['null', 'boolean'] -> 'ValueError'
#   9007199254740993 as ['null', 'double', 'long'] -> 9007199254740992.0
#   9007199254740993 as ['null', 'long', 'double'] -> 9007199254740993
#
# Why it matters: making a column nullable, a change every schema registry calls compatible, turns a job that
# lost digits in silence into one that fails, and the order inside a union loses digits of ids. Write with
# validator=True, and put long before double.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    fastavro==1.13.1 numpy==2.4.6

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import io

import fastavro
import numpy as np

print("fastavro", fastavro.__version__, "numpy", np.__version__)


def trip(kind, value):
    out = io.BytesIO()
    schema = {"type": "record", "name": "row", "fields": [{"name": "f", "type": kind}]}
    try:
        fastavro.writer(out, schema, [{"f": value}])
    except ValueError as problem:
        return type(problem).__name__
    out.seek(0)
    return next(iter(fastavro.reader(out)))["f"]


seen = {}
for kind, value in (("long", 3.7), ("boolean", 5), ("int", 2**31), ("float", 1e300), ("boolean", np.True_)):
    seen[kind, str(value)] = plain, union = trip(kind, value), trip(["null", kind], value)
    print(f"{value!r:12} as {kind:8} -> {plain!r:12} as ['null', '{kind}'] -> {union!r}")
first = {kinds: trip(list(kinds), 2**53 + 1) for kinds in (("null", "double", "long"), ("null", "long", "double"))}
for kinds, value in first.items():
    print(2**53 + 1, "as", list(kinds), "->", repr(value))

assert seen["long", "3.7"] == (3, "ValueError"), seen
assert seen["boolean", "5"] == (True, "ValueError"), seen
assert seen["int", str(2**31)] == (2**31, "ValueError"), seen
assert seen["float", "1e+300"][0] == float("inf"), seen
assert seen["boolean", "True"] == (True, "ValueError"), seen
assert first[("null", "double", "long")] == 2.0**53 and first[("null", "long", "double")] == 2**53 + 1, first
EOF
