"""Gates: one aggregate threshold each, grouped by what they protect from."""
