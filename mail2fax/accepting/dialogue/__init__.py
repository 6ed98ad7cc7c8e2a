"""One fix per file for what stock aiosmtpd does wrong on this job."""
