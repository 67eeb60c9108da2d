"""Numbers, tables, prose with ``{{ values }}`` -> text, pages, PDF; claims that a build checks."""
