"""Helpers of the tests: invented studies, rows and bundles."""
