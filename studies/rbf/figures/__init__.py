"""Tables and pictures from rows, and what happens beside what the exercise says."""
