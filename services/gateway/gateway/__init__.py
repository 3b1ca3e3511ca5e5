"""The public API and web pages of Nevus."""
