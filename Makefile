# Forwards to dev.py, which needs no make. See `python3 dev.py`.
PYTHON ?= python3

.PHONY: help setup demo lint test kernels test-kernels test-browser test-sarif torture check docs eval bench
help:
	@$(PYTHON) dev.py || true
setup demo lint test kernels test-kernels test-browser test-sarif torture check docs eval bench:
	@$(PYTHON) dev.py $@
