"""Small files whose parse is recorded from H2O-3 (``record.py``) and repeated by the tests."""

from __future__ import annotations

import random

_rng = random.Random(1)

CASES: dict[str, str] = {
    "na_words": "a,b,c\n1,x,NA\n2,NA,3\nNA,na,4\n,,\n3,N/A,5\nnan,nan,NaN\n?,y,6\n7,null,7\n",
    "numbers_win": "a,b\n1,2\n2,x\n3,4\n4,5\n5,6\n",
    "numbers_tie": "a,b\n1,2\n2,x\nq,y\nr,5\n5,6\n",
    "quoted_numbers": '"a","b"\n"1","2"\n"3","x y"\n',
    "no_header": "1,2\n3,4\n",
    "text_only": "a,b\nc,d\ne,f\n",
    "dates": "d1,d2,d3,d4,d5\n2013-01-01,2013-01-01 10:00:00,2013-01-01T10:00:00Z,01-Jan-13,2013-01-01 10:00:00.123\n"
    "2014-02-03,2014-02-03 11:12:13,2014-02-03T11:12:13Z,03-Feb-14,2014-02-03 11:12:13.456\n,,,,\n",
    "us_dates": "d1,d2,d3,d4\n1/2/2013,20130102,2013/01/02,01/02/13\n12/30/2013,20131230,2013/12/30,12/30/13\n",
    "odd_times": "a,b,c,d,e\n2013-01-01 10:00,20130101T101010,2013-1-1,10:11:12,2013-01-01 10:00:00 PM\n"
    "2013-01-01 10:00,20130101T101010,2013-1-1,10:11:12,2013-01-01 10:00:00 PM\n",
    "month_names": "a,b,c,d\n01-Jan-2013,01Jan13,2013-Jan-01,Jan 1 2013\n01-Jan-2013,01Jan13,2013-Jan-01,Jan 1 2013\n",
    "tab": "a\tb\n1\t2\n3\t4\n",
    "semicolon": "a;b\n1;2\n3;4\n",
    "bar": "a|b\n1|2\n3|4\n",
    "blank": "a b\n1 2\n3 4\n",
    "short_lines": "a,b,c\n1,2\n3,4,5\n6\n",
    "long_line": "a,b\n1,2,3\n3,4\n6,7\n",
    "crlf": "a,b\r\n1,2\r\n3,4\r\n",
    "bom": "\ufeffa,b\n1,2\n",
    "uuid": "u,v\n6ba7b810-9dad-11d1-80b4-00c04fd430c8,1\n6ba7b811-9dad-11d1-80b4-00c04fd430c8,2\n",
    "blanks_around": "a, b ,c\n 1 , x , 2\n 3,y ,4\n",
    "comments": "# hello\na,b\n1,2\n#x,3\n",
    "distinct_text": "a\n" + "".join(f"id{i}\n" for i in range(30)),
    "number_forms": 'a,b,c,d,e\n1e5,+3,.5,"1,234",0x10\n1E-5,-3,5.,1,1\n',
    "empty_lines": "a,b\n\n1,2\n\n3,4\n",
    "booleans": "a,b,c\nTRUE,true,T\nFALSE,false,F\n",
    "quotes": 'a,b\n"x ""q"" y",1\n"line\nbreak",2\nz,3\n',
    "single_quotes": "a,b\n'x',1\n'y',2\n",
    "one_column": "x\n1\n2\n",
    "one_text_column": "hello\nworld\n",
    "empty_name": "a,,b\n1,2,3\n",
    "trailing_separator": "a,b,\n1,2,\n3,4,\n",
    "enum_with_na_words": 'k,v\na,1\nNA,2\nb,NA\n,4\na,5\nb,6\nnull,7\nna,8\na,9\nb,1\n"",3\n" c",3\nd ,3\n',
    "all_missing": "a,b,c\nNA,,1\nNA,,2\nNA,,3\n",
    "zeros_among_text": "a,b\n0,1\nx,2\n0,3\nx,4\ny,5\ny,6\nx,3\n",
    "constant_text": "a,b\nx,1\nx,2\nx,3\n",
    "enum": "k,v\n" + "".join(f"{_rng.choice('abc')},{i}\n" for i in range(20)),
    "big_and_small": "a,b\n1e300,123456789012\n-1e-300,-5\n0,2\n",
    "decimals": "a,b\n1.25,0.001\n-7.5,12.345\n100,3\n",
    "header_only_like": "a,b\n1,2\n",
    "unicode": "städte,wert\nKöln,1\nZürich,2\nKöln,3\nZürich,4\nKöln,5\n",
    "negative_years": "a,b\n1969-12-31,1\n1900-01-01,2\n",
    "two_digit_years": "a,b\n01-Jan-68,1\n01-Jan-69,2\n",
    "nested_separator": 'a;b\n"1;2";3\n"4;5";6\n',
}
