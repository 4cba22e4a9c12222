"""Which tricks help, over several seeds, and how sure that is."""
