#!/usr/bin/env bash
#
# python-calamine 0.9.1 and, for comparison, pandas 3.1.1 with odfpy 1.4.1. One spreadsheet is written twice as
# an ODS file; the only difference is the prefix that the XML gives to the OpenDocument namespaces (office:,
# table:, text: or o:, t:, x:).
#
# Expected: the same sheet from both. A prefix has no meaning in XML, only the namespace it is bound to does,
# and generic XML tools choose prefixes (ns0:, ns1:) as they like.
#
# What happens: with the usual prefixes all is well. With others calamine opens the file without an error and
# says that it has no sheets at all; odfpy reads both alike.
#
# Seen:
#   python-calamine 0.9.1
#   pandas 3.1.1
#   odfpy 1.4.1
#   ('office', 'table', 'text') calamine: {'Prices': [['tea', 1.5]]} odfpy: [['tea', 1.5]]
#   ('o', 't', 'x') calamine: {} odfpy: [['tea', 1.5]]
#
# Why it matters: an ODS file that went through an XSLT or through Python's own ElementTree comes back with
# ns0:, ns1: and looks like an empty workbook, so a check for bad files does not see it. Treat a workbook
# without sheets as an error that names this cause.

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


def workbook(o, t, x):
    content = "".join(
        (
            f'<{o}:document-content xmlns:{o}="{urn}office:1.0" xmlns:{t}="{urn}table:1.0" xmlns:{x}="{urn}text:1.0">',
            f'<{o}:body><{o}:spreadsheet><{t}:table {t}:name="Prices"><{t}:table-row>',
            f'<{t}:table-cell {o}:value-type="string"><{x}:p>tea</{x}:p></{t}:table-cell>',
            f'<{t}:table-cell {o}:value-type="float" {o}:value="1.5"><{x}:p>1.5</{x}:p></{t}:table-cell>',
            f"</{t}:table-row></{t}:table></{o}:spreadsheet></{o}:body></{o}:document-content>",
        )
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f"""<?xml version="1.0"?><manifest:manifest xmlns:manifest="{urn}manifest:1.0">
<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    out.seek(0)
    return out


seen = {}
for prefixes in (("office", "table", "text"), ("o", "t", "x")):
    book = python_calamine.load_workbook(workbook(*prefixes))
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    other = pd.read_excel(workbook(*prefixes), engine="odf", header=None).values.tolist()
    seen[prefixes[0]] = sheets, other
    print(prefixes, "calamine:", sheets, "odfpy:", other)

assert seen["office"] == ({"Prices": [["tea", 1.5]]}, [["tea", 1.5]]), seen
assert seen["o"] == ({}, [["tea", 1.5]]), seen
EOF
