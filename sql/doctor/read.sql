-- Whether the reader's views can be read: nothing is.
SELECT FROM market_reader.latest_prices LIMIT 0;
