"""What expressions may rely on."""

from h2ok.capabilities.testing import PrimitiveContract
from h2ok_clip.extension import extension

NA = float("nan")


class TestClip(PrimitiveContract):
    extension = extension
    frame = {"x": (-5.0, 0.5, NA, 9.0)}
    examples = {"(clip fr 0 1)": {"x": (0.0, 0.5, NA, 1.0)}, "(sumNA (clip fr 0 1))": 1.5}
