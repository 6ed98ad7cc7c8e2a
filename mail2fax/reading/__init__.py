"""Pure ground: mails, addresses and numbers read without any I/O."""
