"""What readers and writers may rely on."""

from h2ok.capabilities.testing import PersistContract
from h2ok_mem.extension import extension


class TestMem(PersistContract):
    extension, persist, base = extension, "mem", "mem://bucket"
