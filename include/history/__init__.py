"""What the exchange's history knows, brought into PostgreSQL: candles, and what follows of them."""
