#!/usr/bin/env bash
#
# python-calamine 0.9.1; pandas 3.1.1 with odfpy 1.4.1 for comparison. The content.xml of one spreadsheet is
# written in one line, with a line break between tables and rows, between cells, and inside a cell around its
# paragraph.
#
# Expected: the same sheet each time. White space between elements that hold no text of their own has no meaning
# in OpenDocument, and office programs have a switch for pretty printing.
#
# What happens: between tables and rows it is ignored. Between two cells of a row the whole file is refused, and
# not for its row: the message is "Cannot detect file format", as for a file that is no workbook at all. Around
# the paragraph inside a cell it becomes part of the value: '\ntea\n'.
#
# Seen:
#   python-calamine 0.9.1
#   pandas 3.1.1
#   odfpy 1.4.1
#   one line  calamine [['tea', 'tea']], odfpy [['tea', 'tea']]
#   rows      calamine [['tea', 'tea']], odfpy [['tea', 'tea']]
#   cells     calamine 'CalamineError: Cannot detect file format', odfpy [['tea', 'tea']]
#   inside    calamine [['\ntea\n', '\ntea\n']], odfpy [['tea', 'tea']]
#
# Why it matters: an ODS that was unpacked, formatted and packed again, as is done to keep spreadsheets under
# version control, is reported as an unknown kind of file, and levels with a line break in front do not match
# their own. Say in the error that the file may be damaged or indented, not only that its kind is unknown.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    python-calamine==0.9.1 pandas==3.1.1 odfpy==1.4.1

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import importlib.metadata
import io
import zipfile

import pandas as pd
import python_calamine

for package in ("python-calamine", "pandas", "odfpy"):
    print(package, importlib.metadata.version(package))

urn = "urn:oasis:names:tc:opendocument:xmlns:"
kind = "application/vnd.oasis.opendocument.spreadsheet"


def workbook(rows="", cells="", inside=""):
    cell = f'<table:table-cell office:value-type="string">{inside}<text:p>tea</text:p>{inside}</table:table-cell>'
    content = (
        f'<office:document-content xmlns:office="{urn}office:1.0" xmlns:table="{urn}table:1.0" xmlns:text="{urn}text:1.0">'
        f'<office:body><office:spreadsheet>{rows}<table:table table:name="Drinks">{rows}<table:table-row>{cells}{cell}{cells}{cell}{cells}'
        f"</table:table-row>{rows}</table:table>{rows}</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{urn}manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    out.seek(0)
    return out


seen = {}
for name, where in (("one line", {}), ("rows", {"rows": "\n "}), ("cells", {"cells": "\n "}), ("inside", {"inside": "\n"})):
    try:
        got = python_calamine.load_workbook(workbook(**where)).get_sheet_by_index(0).to_python()
    except python_calamine.CalamineError as problem:
        got = f"{type(problem).__name__}: {problem}"
    seen[name] = got, pd.read_excel(workbook(**where), engine="odf", header=None).values.tolist()
    print(f"{name:9} calamine {got!r}, odfpy {seen[name][1]}")

plain = [["tea", "tea"]]
assert all(other == plain for _, other in seen.values()), seen
assert seen["one line"][0] == seen["rows"][0] == plain, seen
assert seen["cells"][0] == "CalamineError: Cannot detect file format", seen
assert seen["inside"][0] == [["\ntea\n", "\ntea\n"]], seen
EOF
