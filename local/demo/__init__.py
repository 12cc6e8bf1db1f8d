"""What a person sees of a running line: its figures, the live table, the check, the replay."""
