"""flaglint's tests; shared code is imported as `tests.<module>`."""
