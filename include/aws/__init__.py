"""Amazon Web Services: the stack of a study's cluster, and the guards that delete it in time."""
