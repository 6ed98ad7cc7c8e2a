"""Faxes go out: upload, intent, order, settling, tracking."""
