"""A file that answers with ranges of its bytes, as a stream that can be searched."""

import io
from collections.abc import Callable


class Ranges(io.RawIOBase):
    """The bytes that `read(start, end)` brings, of a file of so many; each read is a request."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._bytes, self._size, self._place = read, size, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset; returns it."""
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes; returns how many there were."""
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        data = self._bytes(self._place, end)
        buffer[: len(data)] = data
        self._place = end
        return len(data)
