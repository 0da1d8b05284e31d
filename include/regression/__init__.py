"""Reports when something became slower from one night to the next, and never otherwise."""

FOLDER = "regression"  # below the results location: what is kept of each series
