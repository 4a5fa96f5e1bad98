# Everything is installed into .venv, which this file makes and, when it is broken, unfinished or moved, makes anew.
# Set-up happens once; after that, only when pyproject.toml has changed.

PYTHON ?= python3
PY := .venv/bin/python
PIP := $(PY) -m pip install

# Nothing from the caller's shell may leak in: another environment, another source tree, a plot window.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX
export PIP_USER = 0
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export MPLBACKEND = Agg

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint peers bench clean FORCE

help:
	@echo 'make demo    set up .venv and run the lab: draw, derive, count, check and train a network on real digits'
	@echo 'make test    set up .venv and run the linter, the type checker and every test'
	@echo 'make peers   install PyTorch, transformers and hmmlearn; the tests that compare with them then run'
	@echo '             instead of being skipped'
	@echo 'make lint    run the linter and the type checker only'
	@echo 'make bench   compare speed with the peers (implies make peers)'
	@echo 'make clean   remove .venv, out/ and what the tools leave behind'
	@echo ''
	@echo 'Another Python: make PYTHON=/path/to/python3 demo   (3.11 or newer; now: $(PYTHON))'

# The stamps. Their names hold the folder's path, so that a copied or moved tree does not trust its old .venv.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
VENV := .venv/.stamp-venv-$(HERE)
RUN := .venv/.stamp-run-$(HERE)
TEST := .venv/.stamp-test-$(HERE)
PEERS := .venv/.stamp-peers-$(HERE)

demo: $(RUN)
	@echo '== the lab: an MLP on real digits (about a minute)'
	.venv/bin/chainrule lab mlp

test: lint
	@echo '== every test (a few minutes)'
	$(PY) -m pytest -n auto --maxprocesses 8

lint: $(TEST)
	@echo '== ruff and pyright (about half a minute)'
	$(PY) -m ruff check .
	$(PY) -m pyright --pythonpath $(PY)

peers: $(PEERS)

bench: $(PEERS)
	@echo '== benchmarks against the peers (several minutes)'
	$(PY) benchmarks/run.py

clean:
	rm -rf .venv out build dist .hypothesis .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose Python is gone, or in which an installation was killed half-way, is made anew.
ifneq ($(wildcard .venv),)
ifneq ($(shell test -z "`ls .venv/.*.unfinished 2>/dev/null`" && $(PY) -c 'import pip; print("sound")' 2>/dev/null),sound)
$(VENV): FORCE
endif
endif

# make demo, make test and make peers each install on top of the one before.
$(RUN): pyproject.toml $(VENV)
	@echo '== installing Chainrule and what it needs into .venv (one to three minutes, once)'
	@$(call install,-e .)

$(TEST): pyproject.toml $(RUN)
	@echo '== installing the test tools into .venv (about a minute, once)'
	@$(call install,-e '.[test]')

$(PEERS): pyproject.toml $(TEST)
	@echo '== installing PyTorch, transformers and hmmlearn into .venv (several minutes, once)'
	@$(call install,-e '.[peers]')

# The stamp carries the time at which the installation began: an edit made meanwhile counts as newer. If pip fails, it
# says why and the next run tries again; if it is killed, the mark stays and the next run starts from an empty .venv. The
# mark holds the process that installs, so that a second make does not take the .venv from under a first.
install = echo $$$$ >$@.unfinished; trap 'exit 130' INT TERM HUP; \
	if $(PIP) $(1); then mv $@.unfinished $@; else rm -f $@.unfinished; echo 'make: the installation failed, see above' >&2; exit 1; fi

$(VENV):
	@$(check-python)
	@for mark in .venv/.*.unfinished; do \
		if test -e "$$mark" && ps -ww -o args= -p "`cat "$$mark"`" 2>/dev/null | grep -q unfinished; then \
			echo 'make: another make is installing into .venv: wait until it is done' >&2; exit 1; \
		fi; \
	done
	@echo '== making .venv (a few seconds)'
	@python='$(PYTHON)'; \
	if "$$python" -c 'import os, sys; sys.exit(os.path.realpath(sys.prefix) != os.path.realpath(".venv"))'; then \
		python=`"$$python" -c 'import sys; print(sys._base_executable)'`; \
	fi; \
	rm -rf .venv; \
	"$$python" -m venv .venv || { rm -rf .venv; $(say-venv); exit 1; }
	@touch $@

# Errors name the package to install. The version is the interpreter's own: Debian splits `venv` off by version.
version = `'$(PYTHON)' -c 'import sys; print("%d.%d" % sys.version_info[:2])'`
say-venv = version=$(version); \
	echo "make: $(PYTHON) (Python $$version) cannot make virtual environments: it lacks \`venv\` or \`ensurepip\`." >&2; \
	echo "      Debian, Ubuntu:  apt-get install python$$version-venv" >&2; \
	echo "      or name another: make PYTHON=/path/to/python3 ..." >&2
check-python = \
	if ! command -v '$(PYTHON)' >/dev/null 2>&1; then \
		echo "make: there is no $(PYTHON). Chainrule needs Python 3.11 or newer." >&2; \
		echo "      Debian, Ubuntu:  apt-get install python3 python3-venv" >&2; \
		echo "      or name another: make PYTHON=/path/to/python3 ..." >&2; \
		exit 1; \
	elif ! '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "make: $(PYTHON) is Python $(version). Chainrule needs 3.11 or newer." >&2; \
		echo "      Debian, Ubuntu:  apt-get install python3.11 python3.11-venv; make PYTHON=python3.11 ..." >&2; \
		exit 1; \
	elif ! '$(PYTHON)' -c 'import ensurepip, venv' >/dev/null 2>&1; then \
		$(say-venv); \
		exit 1; \
	fi

FORCE:
