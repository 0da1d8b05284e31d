"""What a study will take and cost, and what it did."""
