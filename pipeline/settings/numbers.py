"""Numbers as several sections have them."""

from typing import Annotated

from pydantic import Field

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Limit = Annotated[float, Field(ge=0)] | None
"""How far something may go; null is any far."""
