"""What a mail holds becomes documents ready to fax, in a child process with limits."""
