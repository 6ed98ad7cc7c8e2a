"""What a device said, and what it means (L13)."""
