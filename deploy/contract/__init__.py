"""What the API promises: its document, checked in; what breaks a promise; the Python client's types."""
