"""The command `nevus`; docs/client.md describes it."""
