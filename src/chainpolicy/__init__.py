"""Event study of Chinese blockchain policy."""
