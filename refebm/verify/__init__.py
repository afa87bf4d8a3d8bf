"""``refebm verify``: from the options of the command to what is printed and written."""
