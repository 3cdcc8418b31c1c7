"""docs/metrics.md, written from what each service really declares."""
