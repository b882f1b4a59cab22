"""Text files of the conformance set: each option of ParseSetup, each rule of the tokenizer, and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TEXT_CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """Files by name (sorted names are the order of import), fields of ParseSetup and, where they differ, of Parse."""

    files: Mapping[str, bytes]
    setup: Mapping[str, Any] = field(default_factory=dict)
    parse: Mapping[str, Any] = field(default_factory=dict)


def one(text: str | bytes, name: str = "t.csv", *, parse: Mapping[str, Any] | None = None, **setup: Any) -> Case:
    """A case of one file."""
    return Case({name: text if isinstance(text, bytes) else text.encode()}, setup, parse or {})


def zipped(**members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


_AB = "a,b\n1,x\n2,y\n3,x\n4,y\n"
_ABC = "a,b,c\n1,x,2013-01-01\n2,y,2013-01-02\n3,x,2013-01-03\n4,y,2013-01-04\n"

TEXT_CASES: dict[str, Case] = {
    # separators
    "sep_colon_given": one("a:b\n1:2\n3:4\n", separator=ord(":")),
    "sep_caret_given": one("a^b\n1^2\n3^4\n", separator=ord("^")),
    "sep_control_a": one("a\x01b\n1\x012\n3\x014\n"),
    "sep_comma_in_semicolons": one("a;b\n1,5;2,5\n3,5;4,5\n"),
    "sep_given_not_there": one("a,b\n1,2\n3,4\n", separator=ord(";")),
    "sep_tab_blank_cells": one("a\tb\tc\n1\t\t3\n\t5\t6\n7\t8\t\n"),
    "sep_blanks_runs": one("a  b   c\n1  2   3\n4 5 6\n"),
    "sep_blank_leading": one(" a b\n 1 2\n 3 4\n"),
    "sep_ambiguous": one("a,b;c\n1,2;3\n4,5;6\n"),
    # quotes
    "quote_doubled": one('a,b\n"x ""y"" z",1\n"""",2\n"p",3\n', column_types=["String", "Numeric"]),
    "quote_inside_cell": one('a,b\nx"y,1\nz"w,2\n'),
    "quote_then_text": one('a,b\n"x"y,1\n"z"w,2\n"x"y,3\n'),
    "quote_after_blank": one('a,b\n 1, "x, y"\n2, "z"\n3, "z"\n'),
    "quote_before_blank": one('a,b\n"x" ,1\n"y" ,2\n"x" ,3\n'),
    "quoted_separator": one('a,b\n"1,2",3\n"4,5",6\n'),
    "quoted_newline_crlf": one('a,b\r\n"x\r\ny",1\r\nz,2\r\nz,3\r\n'),
    "quoted_empty": one('a,b\n"",1\nx,2\n"",3\nx,4\n'),
    "quoted_blank": one('a,b\n" ",1\nx,2\n" ",3\nx,4\n'),
    "quoted_header": one('"a, x","b"\n1,2\n3,4\n'),
    "quote_open_at_end": one('a,b\n1,x\n2,"y\n'),
    "quoted_numbers_all": one('a,b\n"1","2"\n"3","4"\n'),
    "single_quotes_on": one("a,b\n'x, y',1\n'z',2\n'z',3\n", single_quotes=True),
    "single_quotes_on_double": one("a,b\n\"x\",1\n\"y\",2\n\"x\",3\n", single_quotes=True),
    "single_quotes_word": one("a,b\nit's,1\nthat's,2\nit's,3\n"),
    "single_quotes_doubled": one("a,b\n'it''s',1\n'x',2\n'x',3\n", single_quotes=True),
    # escape character
    "escape_quote": one('a,b\n"x \\"y\\" z",1\n"p",2\n"p",3\n', escapechar=ord("\\")),
    "escape_backslash": one('a,b\n"x\\\\y",1\n"p",2\n"p",3\n', escapechar=ord("\\")),
    "escape_unset": one('a,b\n"x\\y",1\n"p",2\n"p",3\n'),
    # lines that are no data
    "marks_percent": one("% c\na,b\n1,2\n% d\n3,4\n", custom_non_data_line_markers="%"),
    "marks_two": one("% c\n@ c\na,b\n1,2\n3,4\n", custom_non_data_line_markers="%@"),
    "marks_none": one("#a,b\n1,2\n#3,4\n5,6\n", custom_non_data_line_markers=""),
    "marks_mid_cell": one("a,b\nx#1,2\ny#2,3\nx#1,2\n"),
    "marks_indented": one("a,b\n1,2\n  # x,3\n4,5\n"),
    "marks_before_header": one("# first\n# second\na,b\n1,2\n3,4\n"),
    # headers
    "header_forced_on_numbers": one("1,2\n3,4\n5,6\n", check_header=1),
    "header_refused_on_text": one("a,b\nc,d\na,b\nc,d\n", check_header=-1),
    "header_refused_on_numbers": one("a,b\n1,2\n3,4\n", check_header=-1),
    "header_with_dates": one("2013-01-01,2013-01-02\n1,2\n3,4\n"),
    "header_with_a_number": one("a,2\n1,2\n3,4\n"),
    "header_short": one("a,b\n1,2,3\n4,5,6\n"),
    "header_long": one("a,b,c\n1,2\n3,4\n"),
    "header_only": one("a,b\n"),
    "header_blank_name": one("a, ,c\n1,2,3\n4,5,6\n"),
    "header_repeated": one("a,a\n1,2\n3,4\n"),
    "header_na": one("NA,b\n1,2\n3,4\n"),
    "names_given": one("a,b\n1,2\n3,4\n", column_names=["p", "q"]),
    "names_given_no_header": one("1,2\n3,4\n", column_names=["p", "q"]),
    # NA strings
    "na_number": one("a,b\n1,-999\n-999,2\n3,4\n", parse={"na_strings": [["-999"], ["-999"]]}),
    "na_one_column": one("a,b\n1,-999\n-999,2\n3,4\n", parse={"na_strings": [["-999"], []]}),
    "na_enum": one("a,b\nx,p\nmiss,q\ny,p\nx,q\ny,p\n", parse={"na_strings": [["miss"], ["q"]]}),
    "na_quoted": one('a,b\n"miss",1\nx,2\nx,3\ny,4\ny,5\n', parse={"na_strings": [["miss"], []]}),
    "na_string": one("a,b\nmiss,1\nx,2\ny,3\n", column_types=["String", "Numeric"], parse={"na_strings": [["miss"], []]}),
    "na_time": one("a\n2013-01-01\nnever\n2013-01-02\n", column_types=["Time"], parse={"na_strings": [["never"]]}),
    "na_empty_in_enum": one("a,b\n,1\nx,2\n,3\nx,4\ny,5\ny,5\n"),
    "na_words_in_string": one("a\nNA\nid1\nid2\nnull\nid3\nid4\nn/a\n", column_types=["String"]),
    "na_words_in_time": one("a,b\nNA,1\n2013-01-01,2\n,3\n2013-01-02,4\n"),
    # column types
    "type_number_as_enum": one("a,b\n10,1\n9,2\n10,3\n-1,4\n1.50,5\n", column_types=["Enum", "Numeric"]),
    "type_number_as_string": one("a,b\n10,1\n9,2\n1.50,5\n", column_types=["String", "Numeric"]),
    "type_enum_as_string": one(_AB, column_types=["Numeric", "String"]),
    "type_enum_as_number": one(_AB, column_types=["Numeric", "Numeric"]),
    "type_string_as_enum": one("a\n" + "".join(f"id{i}\n" for i in range(12)), column_types=["Enum"]),
    "type_time_as_enum": one(_ABC, column_types=["Numeric", "Enum", "Enum"]),
    "type_time_as_string": one(_ABC, column_types=["Numeric", "Enum", "String"]),
    "type_time_as_number": one(_ABC, column_types=["Numeric", "Enum", "Numeric"]),
    "type_number_as_time": one("a,b\n1,2\n3,4\n", column_types=["Time", "Numeric"]),
    "type_text_as_time": one(_AB, column_types=["Numeric", "Time"]),
    "type_uuid_as_string": one(
        "u\n6ba7b810-9dad-11d1-80b4-00c04fd430c8\n6ba7b811-9dad-11d1-80b4-00c04fd430c8\n", column_types=["String"]
    ),
    "type_text_as_uuid": one(_AB, column_types=["Numeric", "UUID"]),
    "type_spellings": one(_ABC, column_types=["real", "factor", "string"]),
    "type_quoted_as_number": one('a\n"1"\n"2"\n"x"\n', column_types=["Numeric"]),
    # skipped columns
    "skip_first": one(_ABC, skipped_columns=[0]),
    "skip_last": one(_ABC, skipped_columns=[2]),
    "skip_two": one(_ABC, skipped_columns=[0, 2]),
    "skip_all": one(_ABC, skipped_columns=[0, 1, 2]),
    "skip_no_header": one("1,x,2\n2,y,3\n3,x,4\n4,y,5\n", skipped_columns=[1]),
    # ragged lines
    "ragged_first_short": one("1,2\n3,4,5\n6,7,8\n"),
    "ragged_empty_cells": one(",\n1,\n,2\n3,4\n"),
    "ragged_blank_line_inside": one("a,b\n1,2\n   \n3,4\n"),
    "ragged_text": one("a,b,c\nx\ny,z\nx,z,w\ny,z,w\n"),
    "ragged_long_text": one("a,b\nx,y,z\np,q\nx,y\n"),
    # line ends
    "ends_cr_only": one("a,b\r1,2\r3,4\r"),
    "ends_mixed": one("a,b\r\n1,2\n3,4\r\n5,6\n"),
    "ends_none_at_end": one("a,b\n1,2\n3,4"),
    "ends_many_at_end": one("a,b\n1,2\n3,4\n\n\n\n"),
    "ends_crlf_text": one("a,b\r\nx,y\r\nz,w\r\nx,w\r\n5,5\r\n"),
    # encodings
    "encoding_latin1": one("a,b\nK\xf6ln,1\nBonn,2\nK\xf6ln,3\n".encode("latin-1")),
    "encoding_invalid": one(b"a,b\n\xff\xfe\xfd,1\nx,2\nx,3\n"),
    "encoding_wide": one("a,b\n\u65e5\u672c,1\n\U0001f600,2\n\u65e5\u672c,3\n"),
    "encoding_utf8_names": one("\u00e4,\u00f6\n1,2\n3,4\n"),
    # long
    "long_cell": one("a,b\n" + "x" * 100_000 + ",1\ny,2\ny,3\n"),
    "long_line": one(",".join(f"c{i}" for i in range(300)) + "\n" + ",".join(str(i) for i in range(300)) + "\n"),
    # numbers
    "num_exponents": one("a\n1e5\n1E+5\n1e-5\n-1.5e3\n+2E2\n", check_header=1),
    "num_points": one("a\n.5\n-.5\n5.\n+.25\n0.125\n", check_header=1),
    "num_odd": one("a,b\n1,1e\n2,e5\n3,1-2\n4,1.2.3\n5,--5\n6,1e5\n", column_types=["Numeric", "Numeric"]),
    "num_money": one("a,b\n$5,5%\n$6.5,6%\n$7,7%\n"),
    "num_suffixes": one("a,b,c\n1f,1d,1L\n2f,2d,2L\n1f,1d,1L\n"),
    "num_thousands": one('a,b\n"1,234",1\n"5,678",2\n'),
    "num_underscores": one("a,b\n1_000,1\n2_000,2\n1_000,1\n"),
    "num_infinite": one("a,b\n1,Infinity\n2,-Infinity\n3,4\n"),
    "num_inf_words": one("a,b\n1,inf\n2,-inf\n3,4\n4,5\n"),
    "num_large": one("a\n9007199254740993\n-9223372036854775808\n9223372036854775807\n1\n", check_header=1),
    "num_huge": one("a,b\n1e400,1e-400\n1,1\n", check_header=1),
    "num_digits": one("a\n0.1234567890123456789\n123456789.987654321\n3.141592653589793\n", check_header=1),
    "num_leading_zeros": one("a,b\n007,1\n010,2\n"),
    "num_blank_inside": one("a,b\n1 2,1\n3 4,2\n1 2,3\n"),
    "num_minus_alone": one("a,b\n1,-\n2,3\n3,4\n"),
    "num_plus_alone": one("a,b\n1,+\n2,3\n3,4\n"),
    "num_bytes": one("a\n-128\n127\n0\n\n255\n", check_header=1),
    "num_scaled": one("a\n0.01\n0.02\n99.99\n-5.25\n", check_header=1),
    "num_constant": one("a,b\n5,1.5\n5,1.5\n5,1.5\n"),
    "num_tab_around": one("a,b\n\t1,2\n3\t,4\n"),
    "num_blank_after": one("a,b\n1 ,2 \n3 ,4 \n"),
    "num_blanks_quoted": one('a,b\n" 1",2\n"3 ",4\n'),
    "num_63_bits": one("a,b\n9007199254740993,x\n-9007199254740993,y\n9223372036854775807,x\n,y\n"),
    "num_nan_words": one("a,b\nNaN,1\n1.5,2\nnan,3\n"),
    # times
    "time_t": one("a\n2013-01-01T10:00:00\n2013-01-02T11:00:00\n", check_header=1),
    "time_micro": one("a\n2013-01-01 10:00:00.123456\n2013-01-02 11:00:00.5\n", check_header=1),
    "time_invalid_day": one("a,b\n2013-02-30,1\n2013-02-28,2\n2013-02-27,3\n"),
    "time_slash_short": one("a,b\n1/2/13 10:11:12,1\n12/30/13 1:02:03,2\n"),
    "time_day_first": one("a,b\n13/1/2013,1\n14/2/2013,2\n13/1/2013,3\n"),
    "time_am_pm": one("a,b\n01/02/2013 10:00:00 PM,1\n01/02/2013 12:00:00 AM,2\n"),
    "time_mixed_formats": one("a,b\n2013-01-01,1\n01/02/2013,2\n2013-01-03 10:00:00,3\n"),
    "time_with_text": one("a,b\n2013-01-01,1\nlater,2\n2013-01-03,3\n2013-01-03,3\n"),
    "time_quoted": one('a,b\n"2013-01-01","2013-01-01 10:00:00"\n"2013-01-02","2013-01-01 10:00:01"\n'),
    "time_month_text": one("a,b\n01-FEB-2013,1\n28-feb-13,2\n"),
    "time_early": one("a,b\n1900-01-01,1\n1800-01-01,2\n"),
    "time_clock_only": one("a,b\n10:11:12,1\n23:59:59.5,2\n"),
    "time_sas": one("a,b\n12MAR2015,12MAR2015:11:00:00\n01JAN1960,01JAN1960:00:00:00\n"),
    "time_month_alone": one("a,b\n2023-10,1\n2023-11,2\n2023-10,3\n"),
    "time_afternoon_alone": one("a,b\n2:05:00 PM,1\n11:05:00 AM,2\n"),
    "time_long_month": one("a,b\n31-October-2023,1\n1-May-2023,2\n"),
    "time_codes": one("a,b,c,d\n41_10_1,T00370201,12-2020,1-1-1\n41_10_1,T00370201,12-2020,1-1-1\n"),
    "time_iso_utc": one("a,b\n2023-10-31T14:05:06Z,1\n2023-10-31T14:05:06.123456789Z,2\n2023-10-31T14:05:06Z,3\n"),
    "time_iso_zones": one("a,b\n2023-10-31T14:05:06+00:00,2023-10-31 14:05:06+0530\n,2023-10-31 14:05:06.25-08\n"),
    "time_no_seconds": one("a,b\n2023-10-31 14:05,10/31/2023 14:05\n2023-11-01 15:06,11/1/2023 3:06 PM\n"),
    "time_year_slashes": one("a,b\n2023/10/31,2023/10/31 14:05:06\n2023/11/1,2023/11/1 1:05:06\n"),
    "time_alone": one("t\n2021-03-04 05:06:07\n2021-03-05 06:07:08\n"),
    "time_month_word": one("a,b\n02Jan13,1\n28Feb14,2\n"),
    # enums
    "enum_case": one("a,b\nX,1\nx,2\nX,3\nx,4\n"),
    "enum_sorted_text": one("a,b\n10a,1\n9a,2\n10a,3\n9a,4\n"),
    "enum_unicode_order": one("a,b\n\u00e4,1\nz,2\n\u00e4,3\nz,4\nA,5\nA,6\n"),
    "enum_with_numbers": one("a,b\nx,1\n5,2\nx,3\n5,4\ny,5\ny,6\nx,7\n"),
    "enum_yes_no": one("a,b\nyes,1\nno,2\nyes,3\n"),
    "enum_one_level_na": one("a,b\nx,1\n,2\nx,3\n,4\n"),
    "enum_blank_around": one("a,b\n x ,1\nx,2\n x,3\ny,4\ny,5\n"),
    "guess_half_numbers": one("a\n1\nx\n2\ny\n3\nz\n", check_header=1),
    "guess_more_text": one("a\n1\nx\nx\ny\ny\nz\n", check_header=1),
    "guess_numbers_after_sample": one("a\n" + "".join(f"{i}\n" for i in range(50)) + "x\n", check_header=1),
    "guess_uuid_with_na": one("u,v\n6ba7b810-9dad-11d1-80b4-00c04fd430c8,1\n,2\nNA,3\n", check_header=1),
    "guess_uuid_upper": one("u,v\n6BA7B810-9DAD-11D1-80B4-00C04FD430C8,1\n7BA7B810-9DAD-11D1-80B4-00C04FD430C8,2\n"),
    "guess_zero_one_text": one("a,b\n0,t\n1,f\n0,t\n1,f\n"),
    # hostile
    "hostile_only_separators": one(",,,\n,,,\n"),
    "hostile_only_blanks": one("   \n   \n"),
    "hostile_only_newlines": one("\n\n\n"),
    "hostile_only_comments": one("# a\n# b\n"),
    "hostile_one_cell": one("5"),
    "hostile_one_word": one("word"),
    "hostile_empty": one(""),
    "hostile_formula": one('a,b\n"=1+1",1\n"@x",2\n"=1+1",3\n'),
    # ARFF
    "arff_types": one(
        "@relation r\n@attribute a numeric\n@attribute b real\n@attribute c integer\n@attribute d {x,y}\n@attribute e string\n"
        "@data\n1,1.5,3,x,hello\n?,?,?,?,?\n2,2.5,4,y,world\n", "t.arff",
    ),
    "arff_upper_case": one("@RELATION r\n@ATTRIBUTE a NUMERIC\n@ATTRIBUTE b {x,y}\n@DATA\n1,x\n2,y\n", "t.arff"),
    "arff_comments": one("% one\n@relation r\n% two\n@attribute a numeric\n@attribute b {x,y}\n@data\n% three\n1,x\n2,y\n", "t.arff"),  # noqa: E501 - a table
    "arff_level_order": one("@relation r\n@attribute a {z,y,x}\n@attribute b numeric\n@data\nx,1\ny,2\nx,3\n", "t.arff"),
    "arff_quoted_levels": one(
        "@relation r\n@attribute a {'light rain','sun'}\n@attribute b numeric\n@data\n'light rain',1\n'sun',2\n", "t.arff"
    ),
    "arff_quoted_names": one("@relation r\n@attribute 'a b' numeric\n@attribute b numeric\n@data\n1,2\n3,4\n", "t.arff"),
    "arff_tabs": one("@relation r\n@attribute\ta\tnumeric\n@attribute\tb\tnumeric\n@data\n1,2\n3,4\n", "t.arff"),
    "arff_no_rows": one("@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n", "t.arff"),
    "arff_unseen_level": one("@relation r\n@attribute a {x,y}\n@attribute b numeric\n@data\nx,1\nw,2\ny,3\n", "t.arff"),
    "arff_gz": one(gzip.compress(b"@relation r\n@attribute a numeric\n@attribute b {x,y}\n@data\n1,x\n2,y\n", mtime=0), "t.arff.gz"),  # noqa: E501 - a table
    "arff_level_seen_late": one("@relation r\n@attribute a {c,b,a}\n@attribute v numeric\n@data\nb,1\na,2\n", "t.arff"),
    "arff_blanks": one("@relation r\n@attribute a numeric\n@attribute b {'x y',z}\n@data\n0 'x y'\n1\tz\n? \"z\"\n", "t.arff"),
    "arff_two_quotes": one("@relation r\n@attribute a {'a,b','c'}\n@attribute b string\n@data\n'a,b',\"it's\"\nc,'a \"q\"'\n", "t.arff"),  # noqa: E501 - a table
    "arff_escapes": one("@relation r\n@attribute a string\n@attribute b {'it\\'s',n}\n@data\n'a\\'b','it\\'s'\n'c\\\\d',n\n", "t.arff"),  # noqa: E501 - a table
    "arff_sparse": one("@relation r\n@attribute a real\n@attribute b {X,Y,Z}\n@attribute c real\n@data\n{1 Y, 2 .5}\n{0 3}\n{ }\n", "t.arff"),  # noqa: E501 - a table
    "arff_weights": one("@relation r\n@attribute a numeric\n@attribute b {x,y}\n@data\n1,x,{5}\n2,y, {0.5}\n{1 y}, {2}\n", "t.arff"),  # noqa: E501 - a table
    "arff_levels_without_blank": one("@relation r\n@attribute v numeric\n@attribute class{p,n}\n@data\n1,p\n2,n\n", "t.arff"),
    "arff_dates": one(
        "@relation r\n@attribute a date \"dd.MM.yyyy HH:mm\"\n@attribute b date\n@attribute c date 'yyyy-MM-dd'\n@data\n"
        "\"31.10.2023 14:05\",2023-10-31T14:05:06,'2023-10-31'\n?,?,?\n", "t.arff",
    ),
    # SVMLight
    "svm_label_alone": one("1 1:0.5\n0\n1 2:1\n", "t.svm"),
    "svm_label_alone_first": one("0\n" * 30 + "1 2:1\n", "t.svm"),
    "svm_from_zero": one("1 0:5 2:1\n0 1:2 2:3\n1 0:7 1:1 2:2\n", "t.svm"),
    "svm_queries": one("2 qid:1 1:0.5 2:1\n1 qid:1 1:1\n0 qid:2 2:2\n", "t.svm"),
    "svm_remarks": one("# two\n# lines\n1 1:0.5 3:2 # first\n\n0 2:1 # second one\n", "t.svm"),
    "svm_plain": one("1 1:0.5 3:2\n-1 2:1\n0 1:4 2:5 3:6\n", "t.svm"),
    "svm_one_feature": one("1 1:1\n0 1:2\n", "t.svm"),
    "svm_exponents": one("1 1:1e-3 2:+2\n0 1:-1E2 2:.5\n", "t.svm"),
    "svm_real_labels": one("1.5 1:1\n-2.25 2:2\n", "t.svm"),
    "svm_blank_lines": one("1 1:1\n\n0 1:2\n", "t.svm"),
    "svm_wide": one("1 1:1 40:2\n0 20:2\n", "t.svm"),
    "svm_gz": one(gzip.compress(b"1 1:1 2:2\n0 1:2 2:5\n", mtime=0), "t.svm.gz"),
    # compression
    "gz": one(gzip.compress(_ABC.encode(), mtime=0), "t.csv.gz"),
    "gz_two_members": one(gzip.compress(_AB.encode(), mtime=0) + gzip.compress(b"5,x\n6,y\n", mtime=0), "t.csv.gz"),
    "gz_wrong_name": one(gzip.compress(_AB.encode(), mtime=0), "t.csv"),
    "gz_truncated": one(gzip.compress(("a,b\n" + "".join(f"{i},{i * i % 7}\n" for i in range(500))).encode(), mtime=0)[:300], "t.csv.gz"),  # noqa: E501 - a table
    "zip": one(zipped(t=_AB), "t.zip"),
    "bz2": one(bz2.compress(_AB.encode()), "t.csv.bz2"),
    "xz": one(lzma.compress(_AB.encode()), "t.csv.xz"),
    "zstd": one(bytes.fromhex("28b52ffd2014a10000612c620a312c780a322c790a332c780a342c790a"), "t.csv.zst"),
    # marks of the byte order
    "bom_header": one(b"\xef\xbb\xbfa,b\n1,x\n2,y\n3,x\n", "t.csv"),
    "bom_quoted_header": one(b'\xef\xbb\xbf"a","b"\n1,x\n2,y\n3,x\n', "t.csv"),
    "bom_no_header": one(b"\xef\xbb\xbf1,2\n3,4\n5,6\n", "t.csv"),
    "bom_gz": one(gzip.compress(b"\xef\xbb\xbfa,b\n1,x\n2,y\n", mtime=0), "t.csv.gz"),
    # other encodings
    "utf16_le": one("\ufeffid,name\n1,Zo\u00eb\n2,\u0141\u00f3d\u017a\n".encode("utf-16-le")),
    "utf16_be_crlf": one("\ufeffid\tname\r\n1,5\tZo\u00eb\r\n2,5\t\U0001f642\r\n".encode("utf-16-be"), "t.txt"),
    "utf16_gz": one(gzip.compress("\ufeffa,b\n1,x\n2,y\n".encode("utf-16-le"), mtime=0), "t.csv.gz"),
    "utf16_arff": one("\ufeff@relation r\n@attribute a numeric\n@data\n1\n2\n".encode("utf-16-le"), "t.arff"),
    "utf16_svm": one("\ufeff1 1:0.5\n0 2:1\n".encode("utf-16-be"), "t.svm"),
    "utf32": one("\ufeffa,b\n1,x\n2,y\n".encode("utf-32-le")),
    "utf16_without_mark": one("a,b\n1,x\n2,y\n".encode("utf-16-le")),
    "nul_early": one(b"id,v\n1,a\x00b\n2,c\n"),
    # folders
    "folder_marker": Case(
        {"y=1/p.csv": b"v\n1\n", "y=2/p.csv": b"v\n2\n", "_SUCCESS": b""}, {"partition_by": ["y"]}, {"partition_by": ["y"]}
    ),
    "folder_key_in_file": Case({"k=p/p.csv": b"k,v\np,1\n", "k=q/p.csv": b"k,v\nq,2\n"}, {"partition_by": ["k"]}),
    "folder_missing_and_signs": Case(
        {"k=__HIVE_DEFAULT_PARTITION__/p.csv": b"v\n1\n", "k=a%20b%2Fc/p.csv": b"v\n2\n"}, {"partition_by": ["k"]}
    ),
    # several files
    "files_two": Case({"p1.csv": b"a,b\n1,x\n2,y\n", "p2.csv": b"a,b\n3,y\n4,z\n"}),
    "files_no_header": Case({"p1.csv": b"1,x\n2,y\n1,x\n2,y\n", "p2.csv": b"3,y\n4,z\n3,y\n"}),
    "files_second_without_header": Case({"p1.csv": b"a,b\n1,x\n2,y\n", "p2.csv": b"3,y\n4,z\n"}),
    "files_gz_and_plain": Case({"p1.csv": b"a,b\n1,x\n2,y\n", "p2.csv.gz": gzip.compress(b"a,b\n3,y\n4,z\n", mtime=0)}),
    "files_no_end_of_line": Case({"p1.csv": b"a,b\n1,2", "p2.csv": b"a,b\n3,4"}),
    "files_one_empty": Case({"p1.csv": b"a,b\n1,2\n", "p2.csv": b"", "p3.csv": b"a,b\n3,4\n"}),
}  # fmt: skip


def _random_case(seed: int) -> Case:
    """Cells of all kinds, drawn by a seed: what the guesser makes of mixtures."""
    rng = random.Random(seed)
    pools = [
        ["1", "2.5", "-3", "1e3", "NA", ""], ["x", "y", "z", "", "NA"], ["0", "1", "x"], ["2013-01-01", "2014-05-06 10:11:12", ""],
        ["TRUE", "FALSE", ""], ['"a b"', '"c, d"', "e", "NA"], ["0", "0", "a", "b"], ["1", "2", "3", "q", "r", "s", "t"],
        [f"u{i}" for i in range(40)], ["na", "null", "?", "5", "w"],
    ]  # fmt: skip
    chosen = [rng.choice(pools) for _ in range(4)]
    rows = [",".join(rng.choice(p) for p in chosen) for _ in range(rng.choice((5, 12, 25)))]
    head = ["a,b,c,d"] if rng.random() < 0.7 else []
    return one("\n".join(head + rows) + "\n")


TEXT_CASES |= {f"random_{i:02d}": _random_case(i) for i in range(30)}
