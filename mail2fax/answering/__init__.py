"""The person is told: which replies are due, their words, and the way to the relay."""
