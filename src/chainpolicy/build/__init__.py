"""Products are built, compared with what is kept, and moved to their places as a whole."""
