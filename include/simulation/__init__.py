"""A cluster whose control plane is real and whose nodes and applications are simulated."""
