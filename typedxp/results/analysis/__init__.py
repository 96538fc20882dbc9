"""Analysis: statistics, comparisons, tables and figures of the results, and what made them."""
