"""What this package adds to h2ok. Nothing else is imported until it is used."""

from h2ok.capabilities.contracts.extension import Extension, Persist

extension = Extension(
    name="mem",
    provides=(Persist("mem", "h2ok_mem.mem:PersistMem", schemes=("mem",)),),
    help="Reads and writes mem:// URIs.",
)
