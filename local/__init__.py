"""The real servers without Docker: installed, configured, supervised."""
