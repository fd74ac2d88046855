# Troupe's everyday commands; `make` alone lists them.

TROUPE := .build/release/troupe
SCHEMAS := Configs/schema
SOURCES := Sources Tests Package.swift
# No test imports a module as testable, so tests and program share one build.
TEST := swift test -c release --disable-testable-imports $(if $(FILTER),--filter '$(FILTER)')
# The demo trains into its own folders: repeating it replaces them and touches no other run.
DEMO := checkpoints/demo
REPORT := checkpoints/demo.html

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help dependencies build demo test test-full test-browser format lint schema clean

help: ## list these commands
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

dependencies: ## install missing packages (apt)
	@Scripts/install-dependencies.sh

build: dependencies ## build for release: .build/release/troupe
	swift build -c release

demo: build ## train 50 sigmoid and 50 ReLU layers, compare them in one report
	@test -d Datasets/glyphs || $(TROUPE) dataset make glyphs Datasets/glyphs
	@rm -rf $(DEMO)
	@for name in mlp-sigmoid mlp-relu; do \
	  echo && $(TROUPE) train Configs/$$name.json --run-dir $(DEMO)/$$name || exit; \
	done
	@echo && echo "On digits that neither network has seen:"
	@for name in mlp-sigmoid mlp-relu; do $(TROUPE) evaluate $(DEMO)/$$name || exit; done
	@echo && $(TROUPE) report $(DEMO)/mlp-sigmoid $(DEMO)/mlp-relu --output $(REPORT)
	@echo && echo "Open $(REPORT) in a browser: both runs side by side."

test: dependencies ## run all tests in release; FILTER=LayersTests runs one suite
	$(TEST)

test-full: dependencies ## run all tests, with those that take minutes
	TROUPE_LONG_TESTS=1 $(TEST)

test-browser: build ## check the pages of watch and report in headless Chromium, if it is installed
	python3 Tests/Browser/check_pages.py $(TROUPE)

format: dependencies ## rewrite the sources with swift format
	swift format --in-place --parallel --recursive $(SOURCES)

lint: dependencies ## check the sources with swift format; change nothing
	swift format lint --strict --parallel --recursive $(SOURCES)

schema: build ## write the JSON Schemas of configurations and of sweeps
	@mkdir -p $(SCHEMAS)
	@for kind in train sweep; do \
	  $(TROUPE) schema $$kind > $(SCHEMAS)/$$kind.schema.json.tmp || exit; \
	  mv $(SCHEMAS)/$$kind.schema.json.tmp $(SCHEMAS)/$$kind.schema.json; \
	done

clean: ## remove the build; runs and data stay
	swift package clean
