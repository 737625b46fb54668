"""The words in which a conversation is described; the bottom of the house, imports nothing of ours."""

from dataclasses import dataclass
from enum import Enum


class Side(Enum):
    """One of the two parties."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> "Side":
        """The party at the far end."""
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


@dataclass(frozen=True)
class Flight:
    """Bytes that passed the wire in one piece, and who sent them."""

    sender: Side
    data: bytes
