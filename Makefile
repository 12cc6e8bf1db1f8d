# Each target is a verb of `python -m local`; this file only knows their names.
MARKET ?= live
ARGS ?=
TAPE ?=
FROM ?=
TO ?=
SYMBOL ?=
LOCAL := sh local/python -m local

.DEFAULT_GOAL := help
.PHONY: help demo demo-check replay up down status logs watch env reset-offsets dead-letters quality test test-docker chaos lint golden dashboards documents bench lock export config-check doctor setup clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r n t; do printf '  %-15s%s\n' "$$n" "$$t"; done | sed 's/\$$\$$/$$/'

demo: ## Run everything on a simulated exchange, offline, and watch it
	@$(LOCAL) demo $(ARGS)
demo-check: ## Start the demo, check its numbers, stop it
	@$(LOCAL) demo-check $(ARGS)
replay: ## Run a recorded market: TAPE=file
	@$(LOCAL) replay $(TAPE) $(ARGS)
up: ## Start the line: MARKET=live (default) or simulated
	@$(LOCAL) up --market $(MARKET)
down: ## Stop the line; its data stays
	@$(LOCAL) down
status: ## Show what runs
	@$(LOCAL) status
watch: ## Watch what comes in, until Ctrl-C
	@$(LOCAL) watch
logs: ## Follow the logs; one service's: ARGS=producer
	@$(LOCAL) logs $(ARGS)
env: ## Print what a shell needs: eval "$$(make -s env)"
	@$(LOCAL) env
reset-offsets: ## Let the drain read its topic from the beginning
	@$(LOCAL) reset-offsets
dead-letters: ## List what could not be read; ARGS=replay puts it through again
	@$(LOCAL) dead-letters $(ARGS)
quality: ## Count all stores and run the checks of the last hour; 4 if one that must hold does not
	@$(LOCAL) quality
test: ## Run the tests on real servers of their own; options of pytest: ARGS="-k drain"
	@$(LOCAL) test $(ARGS)
test-docker: ## Build and start docker-compose.yaml on a Docker engine, test it, remove it
	@$(LOCAL) test-docker $(ARGS)
chaos: ## Survive every fault of the table; one: ARGS="--faults 13"; another seed: ARGS="--seed 8"
	@$(LOCAL) chaos $(ARGS)
lint: ## Check style, types, direction of imports
	@$(LOCAL) lint
golden: ## Make the golden files of the indicators again
	@$(LOCAL) golden
dashboards: ## Write Grafana's dashboards and alerts again; only compare: ARGS=--check
	@$(LOCAL) dashboards $(ARGS)
documents: ## Write the tables in README and docs again; only compare: ARGS=--check
	@$(LOCAL) documents $(ARGS)
bench: ## Measure what fold, consumer, drain and recomputation cost
	@$(LOCAL) bench
lock: ## Pin requirements*.in
	@$(LOCAL) lock
export: ## Write rows as CSV or Parquet: FROM=2026-11-01 SYMBOL=BTC/USDT [TO=..] ARGS="--what trades --out f"
	@$(LOCAL) export --from="$(FROM)" --to="$(TO)" --symbol="$(SYMBOL)" $(ARGS)
config-check: ## Check .env and the environment, start nothing
	@$(LOCAL) config-check
doctor: ## Check tools, settings, disk, ports, and the servers that run, and say the fix
	@$(LOCAL) doctor
setup: ## Install servers and Python packages into the cache
	@$(LOCAL) setup
clean: down ## Stop the line and delete its data
	@rm -rf .line
