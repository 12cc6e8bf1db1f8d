"""What is stored, proved against the exchange: minutes, gaps and their repair, checks, counts."""
