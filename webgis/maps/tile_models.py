"""The table of tiles: how often each layer's data has changed. Tiles are made when asked for, and kept in Redis."""

from sqlalchemy import BigInteger, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from webgis.db import Base


class LayerChange(Base):
    """Changes of a layer's data; their sum is its version (`fn.layer_version`). Written by `fn.layer_changed`, which
    adds a row for each transaction and now and then makes one of many."""

    __tablename__ = "layer_change"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    layer: Mapped[str] = mapped_column(Text)
    changes: Mapped[int] = mapped_column(BigInteger)
