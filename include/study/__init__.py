"""One study, from its plan to its verdict."""
