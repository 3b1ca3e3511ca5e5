"""Nevus on Google Cloud: what is there, in which order it is made, and how it goes away again."""
