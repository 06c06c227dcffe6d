"""The commands of `tt`: their options and what they print, a module a group."""
