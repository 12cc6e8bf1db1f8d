"""
Whether each server is there and as the settings say, and what to do where it is not.

The outermost layer, beside `include.quality`: looks through the adapters, changes nothing.
"""
