"""Options of a fax: found in marks, understood, checked against the rule, laid over. Pure."""
