"""All that speaks ccxt: markets polled, history paged, errors named by duty."""
