"""A typed client of Nevus, skin-lesion triage; not a medical device. `Nevus` is where to begin."""

from nevus_client.client import Nevus
from nevus_client.errors import Busy, NevusError, Refused, Unexpected, Unreachable
from nevus_client.photos import Facts

__all__ = ["Busy", "Facts", "Nevus", "NevusError", "Refused", "Unexpected", "Unreachable"]
__version__ = "0.1.0"
