"""What the daemon serves over HTTP, where it is configured: today the door for Fax.Plus's hooks."""
