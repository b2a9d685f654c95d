"""Questions to the planner, and projections that its answers are held against."""
