"""Other products' spellings of options, read where a rule names their dialect (O6). Pure."""
