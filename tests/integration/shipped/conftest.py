"""What these tests share: the built files."""

from tests.support.built import built, unpacked

__all__ = ["built", "unpacked"]
