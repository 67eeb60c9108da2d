"""Numbers become text: tables to be read, values in prose."""
