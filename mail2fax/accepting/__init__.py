"""Mail comes in: the SMTP listener, its dialogue, and who may send."""
