"""DKV: the distributed key-value store."""

from h2ok.kernel.dkv.dkv import DKV, Transform

__all__ = ["DKV", "Transform"]
