#!/usr/bin/env bash
#
# python-calamine 0.9.1. A column of hours worked - 3 h 4 min, 23 h 59 min, 36 h, and -1 h - is read from an ODS
# file (written with odfpy 1.4.1, cells of type time as office programs write them) and from an XLSX file
# (openpyxl 3.1.5, format [h]:mm:ss).
#
# Expected: one Python type for the column, datetime.timedelta, from both.
#
# What happens: XLSX gives timedeltas. In ODS each cell decides for itself: below a day it is a datetime.time,
# which cannot be added or averaged, and from 24 hours on, or when negative, it is the raw text of the file, as
# PT36H00M00S.
#
# Seen:
#   python-calamine 0.9.1
#   odfpy 1.4.1
#   openpyxl 3.1.5
#   xlsx: [('timedelta', '3:04:00'), ('timedelta', '23:59:00'), ('timedelta', '1 day, 12:00:00')]
#   ods:  [('time', '03:04:00'), ('time', '23:59:00'), ('str', 'PT36H00M00S'), ('str', '-PT01H00M00S')]
#
# Why it matters: the same sheet saved in the other format changes from numbers to a mix of clock times and
# text, and the change shows only on the first long value. A parser on top of calamine has to read the ISO 8601
# durations itself and must not take datetime.time for a time of day.

set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    python-calamine==0.9.1 odfpy==1.4.1 openpyxl==3.1.5

cd "$folder"
"$folder/venv/bin/python" - <<'EOF'
import datetime as dt
import importlib.metadata

import openpyxl
import python_calamine
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

for package in ("python-calamine", "odfpy", "openpyxl"):
    print(package, importlib.metadata.version(package))

hours = [dt.timedelta(hours=3, minutes=4), dt.timedelta(hours=23, minutes=59), dt.timedelta(hours=36)]
texts = ["PT03H04M00S", "PT23H59M00S", "PT36H00M00S", "-PT01H00M00S"]

document = OpenDocumentSpreadsheet()
sheet = Table(name="Hours")
for text in texts:
    row = TableRow()
    cell = TableCell(valuetype="time", timevalue=text)
    cell.addElement(P(text="as shown"))
    row.addElement(cell)
    sheet.addElement(row)
document.spreadsheet.addElement(sheet)
document.save("hours.ods")

book = openpyxl.Workbook()
for value in hours:
    book.active.append([value])
for row in book.active.iter_rows():
    row[0].number_format = "[h]:mm:ss"
book.save("hours.xlsx")

ods, xlsx = (
    [row[0] for row in python_calamine.load_workbook(name).get_sheet_by_index(0).to_python()]
    for name in ("hours.ods", "hours.xlsx")
)
print("xlsx:", [(type(v).__name__, str(v)) for v in xlsx])
print("ods: ", [(type(v).__name__, str(v)) for v in ods])

assert xlsx == hours, xlsx
assert ods == [dt.time(3, 4), dt.time(23, 59), "PT36H00M00S", "-PT01H00M00S"], ods
EOF
