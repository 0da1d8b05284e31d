"""The duration and cost of a study, estimated and actual."""
