"""What whoever imports files may rely on."""

from h2ok.capabilities.testing import ParserContract
from h2ok_fixedwidth.extension import extension
from h2ok_fixedwidth.fixedwidth import find_places


class TestFixedWidth(ParserContract):
    extension, parser = extension, "FIXED"
    file_name = "people.txt"
    sample = b"name   height city  \nAnn       1.8 Rome  \nBob           Athens\nCarola    1.5       \n"
    columns = {"name": ["Ann", "Bob", "Carola"], "height": [1.8, None, 1.5], "city": ["Rome", "Athens", None]}
    types = ("Enum", "Numeric", "Enum")
    foreign = (b"a,b\n1,2\n3,4\n", b"a b\n1 2\n3 4\n10 20\n", b"@relation x\n@attribute a numeric\n@data\n1\n")
    broken = b"name   height city  \nAnn       tall Rome \nBob           Athens\nCarola    1.5       \n"


def test_places():
    assert find_places(["ab  c", "a   d"]) == [(0, 4), (4, 5)]
    assert find_places([" "]) == []
