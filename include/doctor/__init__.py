"""
`make doctor`: whether each server is up and as the settings require, and how to fix it.

The outermost layer, beside `include.quality`: reads through the adapters, changes nothing.
`check` uses the standard library and `include.errors` only, because `local` imports it before the
packages are installed.
"""
