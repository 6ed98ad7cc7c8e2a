"""Everything at rest: the ledger, the content, and the four tables of states."""
