"""A local Fax.Plus for tests and the demo; imports nothing of mail2fax."""
