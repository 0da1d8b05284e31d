"""The local control plane: binaries, processes, real nodes and the image they run."""
