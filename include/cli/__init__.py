"""The command `opbench`: working with studies in a terminal or a CI job."""
