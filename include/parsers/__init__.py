"""One text format each: a complete typed result, or ParseError naming what is missing."""
