# `make help` lists the targets. Everything runs in .venv, which the locks decide.

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# DVC unpickles what it finds there
export DVC_SITE_CACHE_DIR := $(CURDIR)/.cache/dvc

# what a user gives is text: make expands it nowhere, and the shell gets it as a variable
NIGHTS ?= 30
override SNAPSHOTS := $(value SNAPSHOTS)
override TO := $(value TO)
override NIGHTS := $(value NIGHTS)
override DELETE := $(value DELETE)
export SNAPSHOTS TO NIGHTS

.DEFAULT_GOAL := help
.PHONY: help setup repro verify verify-cpus nightly replay tune rollback back gc style test bench soak pictures docs audit lock clean

help: ## List every target
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

setup: .venv/run.stamp ## Make .venv and install the locked packages

repro: git .venv/run.stamp ## Run the pipeline: data, models, metrics; then print the results
	@python -m pipeline.runtime.private .cache
	@python -m pipeline.check
	@dvc repro
	@python -m pipeline.results

verify: git .venv/run.stamp ## Train HEAD from scratch in a temporary clone and compare all bytes with dvc.lock
	@$(ENDS_WITH_MAKE) python -m pipeline.verify

verify-cpus: git .venv/run.stamp ## Train shortly on CPUs that qemu emulates and compare all bytes
	@$(ENDS_WITH_MAKE) python -m pipeline.verify --cpus

nightly: git .venv/run.stamp ## Spend one night: fetch the table, check it, retrain, judge, publish
	@$(ENDS_WITH_MAKE) python -m pipeline.nightly --scheduled

replay: git .venv/run.stamp ## Replay a folder of dated tables as that many nights: make replay SNAPSHOTS=weekly
	@test -n "$$SNAPSHOTS" || { echo "replay needs a folder of tables with dates in their names: make replay SNAPSHOTS=weekly"; exit 1; }
	@$(ENDS_WITH_MAKE) python -m pipeline.replay "$$SNAPSHOTS" --out replay

tune: git .venv/run.stamp ## Try other settings on a folder of dated tables, write a diff: make tune SNAPSHOTS=weekly
	@test -n "$$SNAPSHOTS" || { echo "tune needs a folder of tables with dates in their names: make tune SNAPSHOTS=weekly"; exit 1; }
	@$(ENDS_WITH_MAKE) python -m pipeline.tune "$$SNAPSHOTS" --out tune

rollback: git ## Go back to an accepted night: make rollback TO=nightly-2026-01-31
	@test -n "$$TO" || { echo "rollback needs the tag of an accepted night: make rollback TO=nightly-2026-01-31"; exit 1; }
	@python -m pipeline.rollback "$$TO"

back: git ## Go back to the last commit's table, models and metrics; your changes wait in git stash
	@test -z "$$(git ls-files --unmerged)" || { echo "make back: a merge has conflicts; end it first: git merge --abort, or mend them and commit"; exit 1; }
	@python -m pipeline.runtime.private .cache
	@# new metrics go into the stash, too: else the report would go on reading them
	@test ! -d metrics || git add metrics
	@git stash
	@dvc checkout --quiet --allow-missing --force dvc.yaml
	@dvc checkout --quiet --allow-missing
	@rm -f data/contract-report.txt

gc: git .venv/run.stamp ## Show what nothing needs since the last NIGHTS=30 nights; DELETE=yes deletes it
	@python -m pipeline.gc --nights "$$NIGHTS" $(if $(filter yes,$(DELETE)),--delete)

style: git .venv/dev.stamp ## Check the style and the types
	ruff check
	ruff format --check
	mypy

test: style ## Check the style and the types, run the tests
	pytest -m "not soak" --numprocesses 2 --dist loadfile --no-loadscope-reorder

soak: git .venv/dev.stamp ## Run the long campaigns: kills, edited tables and bundles, real weeks, ten million rows
	pytest -m soak

bench: repro .venv/dev.stamp ## Measure: prints the tables of docs/speed.md
	python -m benchmarks.prepare
	python -m benchmarks.scaling
	python -m benchmarks.predict
	python -m benchmarks.repro
	python -m benchmarks.training
	python -m benchmarks.epoch

pictures: repro ## Draw the pictures of the docs from the report and the code
	python -m benchmarks.pictures
	python -m benchmarks.architecture

docs: .cache/tools/stamp ## Build the docs as a site in site/, with warnings as errors
	.cache/tools/bin/mkdocs build --strict --config-file website/mkdocs.yml

audit: .cache/tools/stamp ## Look up the known vulnerabilities of all locked packages
	@for lock in requirements*.lock; do echo "$$lock" && .cache/tools/bin/pip-audit $(AUDIT) --requirement "$$lock" || exit 1; done

lock: .venv/dev.stamp ## Resolve the ranges of pyproject.toml anew, install the result and record its versions
	pip-compile $(COMPILE) --extra pipeline --output-file requirements.lock pyproject.toml
	@# PyTorch has a lock of its own, without a hash: its build (+cpu, +cu130) is the machine's affair
	sed -n 's/^\(torch==[0-9.]*\).*/\1/p' requirements.lock >requirements-torch.lock
	@# predictions alone; what S3, and workers of a cluster, need beside requirements.lock; and development
	pip-compile $(COMPILE) --constraint requirements.lock --output-file requirements-predict.lock pyproject.toml
	pip-compile $(COMPILE) --extra s3 --constraint requirements.lock --output-file - pyproject.toml | $(BESIDE) >requirements-s3.lock
	pip-compile $(COMPILE) --extra cluster --constraint requirements.lock --output-file - pyproject.toml | $(BESIDE) >requirements-cluster.lock
	pip-compile $(COMPILE) --extra pipeline --extra dev --extra onnx --extra mlflow --extra s3 --extra cluster --constraint requirements.lock --constraint requirements-s3.lock --constraint requirements-cluster.lock --output-file requirements-dev.lock pyproject.toml
	@# what runs in an environment of its own: it reads no table and trains nothing
	printf '%s\n' 'mkdocs-material>=9.7,<10' 'pip-audit>=2.10,<3' | pip-compile $(COMPILE) --output-file requirements-tools.lock -
	for lock in requirements.lock requirements-predict.lock requirements-dev.lock; do \
	  awk '/^[^ ]/ { torch = /^torch==/ } !torch' $$lock >$$lock.new && mv $$lock.new $$lock; done
	$(MAKE) .venv/dev.stamp
	python -m pipeline.versions

clean: ## Remove .venv, prepared data, models and caches; DVC's own cache stays
	rm -rf .venv data/prepared models/*/ dvc_plots site .cache/[!d]* .mypy_cache .pytest_cache .ruff_cache .hypothesis replay tune

# what takes long takes the place of make's shell, and the kernel ends it with make, whatever ends that
ENDS_WITH_MAKE = exec python -I -S pipeline/runtime/lifetime.py "$$PPID"

# on a terminal one sees what is downloaded
INSTALL = python -m pip install $$(test -t 1 || echo --quiet)
LOCKED = $(INSTALL) --no-deps --require-hashes --requirement

# CVE-2025-69872 is diskcache's, which no release mends: docs/security.md says why it is harmless here
AUDIT = --strict --no-deps --disable-pip --progress-spinner off --ignore-vuln CVE-2025-69872

COMPILE = --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

# of a lock on standard input, what requirements.lock has not
BESIDE = awk -F== 'NR == FNR { locked[$$1]; next } /^[a-z]/ { new = !($$1 in locked) && $$1 != "torch" } new && !/^\#/ && NF' requirements.lock -

.venv/run.stamp: requirements.lock requirements-torch.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; say make PYTHON=python3.11")'
	@echo "Downloads into .venv: the packages of requirements.lock, 150 MB, and PyTorch as the package index has it:"
	@echo "200 MB for the CPU, or 3 GB with CUDA. To choose: make setup PIP_EXTRA_INDEX_URL=... (docs/how-to.md, PyTorch's builds)"
	@$(PYTHON) -m venv .venv
	@$(LOCKED) requirements.lock
	@$(INSTALL) --requirement requirements-torch.lock
	@python -m pipeline.runtime.private .cache
	@# DVC writes its settings in ASCII alone: asked to write another letter, it fails and leaves them empty
	@LC_ALL=C; case "$$DVC_SITE_CACHE_DIR" in *[!\ -~]*) ;; *) dvc config --local core.site_cache_dir "$$DVC_SITE_CACHE_DIR" ;; esac
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock
	@$(LOCKED) requirements-dev.lock
	@touch $@

.cache/tools/stamp: requirements-tools.lock
	$(PYTHON) -m venv .cache/tools
	.cache/tools/bin/python -m pip install --quiet --require-hashes --requirement requirements-tools.lock
	@touch $@

.PHONY: git
git:
	@git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || { \
	  echo "This folder has no git history, and DVC keeps its books in one. Get the project with git clone, or run:"; \
	  echo "  git init && git add --all && git commit --message start"; exit 1; }
