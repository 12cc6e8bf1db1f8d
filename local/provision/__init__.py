"""What each server holds before the first record: databases, roles, buckets, tokens."""
