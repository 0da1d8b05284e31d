"""Tells when something became slower from one night to the next, and never otherwise."""
