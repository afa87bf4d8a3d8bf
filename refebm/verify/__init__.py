"""``refebm verify``: the command's options, its run, and its reports."""
