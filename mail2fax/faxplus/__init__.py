"""The Fax.Plus REST API: the client and its wire types (the only httpx import)."""
