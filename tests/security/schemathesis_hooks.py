"""What schemathesis, in its own process, sends where the document says `binary`: a photo, or anything."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st
from tests.photos import lesion

schemathesis.openapi.format("binary", st.just(lesion((96, 96))) | st.binary(max_size=400))
