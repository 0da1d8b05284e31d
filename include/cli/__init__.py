"""The command `opbench`: what a person does with studies, in a terminal or a CI job."""
