# Settings of `run`: HOST, PORT, DATA_DIR, NEVUS_ADMIN_KEY, MODEL_PUBLIC_KEYS; TRAINING_DATA opens retraining.
# Of `train`: DATA, BACKBONE, WEIGHTS, OUT, ARGS. Of `deploy` and `destroy`: docs/deploy.md.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
INSTALL = exec $(PYTHON) deploy/local/install.py
DEV = .venv/dev/bin
DATA_DIR ?= .nevus
BACKBONE ?= mobilenet_v2
WEIGHTS ?= imagenet
OUT ?= $(DATA_DIR)/models
ACCESS ?= public
# Runs under `make --dry-run` too, and is told so.
CLOUD = +$(if $(and $(PROJECT),$(REGION)),,$(error Say where: make $@ PROJECT=my-project REGION=europe-west4)) \
	exec $(PYTHON) -m deploy.cloud
PLACE = --project '$(PROJECT)' --region '$(REGION)' --access '$(ACCESS)' \
	$(if $(DRY_RUN)$(findstring n,$(firstword -$(MAKEFLAGS))),--dry-run)
LOCKS = dev gateway inference training client
PATHS = shared services deploy clients tests benchmarks
export DATA_DIR

.PHONY: run client test torture lint audit train bench e2e e2e-cloud deploy destroy lock clean
.SILENT:

run: ## install what is missing, start both services, print the address and a sign-in link
	$(INSTALL) gateway inference $(if $(TRAINING_DATA),training)
	exec .venv/gateway/bin/python deploy/local/run.py

client: ## the command .venv/client/bin/nevus, docs/client.md
	$(INSTALL) client
	echo 'Installed .venv/client/bin/nevus; docs/client.md tells what it does.'

test: ## every test, with small seeds of the long ones
	$(INSTALL) dev gateway inference training
	exec $(DEV)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

torture: ## full counts, fuzzing and soak
	$(INSTALL) dev gateway inference training
	exec $(DEV)/python -m pytest -m torture --timeout 3600 $(ARGS)

e2e: ## the whole system as people and programs meet it, on the embedded stores
	$(INSTALL) dev gateway inference training
	exec $(DEV)/python -m pytest tests/e2e $(ARGS)

e2e-cloud: ## the same on Google's Firestore emulator and fake-gcs-server
	$(INSTALL) dev gateway inference training
	exec env NEVUS_BACKEND=cloud $(DEV)/python -m pytest tests/e2e $(ARGS)

lint: ## style, types, import contracts, images
	$(INSTALL) dev
	$(DEV)/ruff check $(PATHS)
	$(DEV)/ruff format --check $(PATHS)
	$(DEV)/mypy
	$(DEV)/lint-imports --no-cache
	$(DEV)/openapi-spec-validator --schema 3.1 docs/openapi.json
	$(DEV)/hadolint docker/*.Dockerfile
	$(DEV)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml
	$(DEV)/docker-compose -f docker/compose.yaml config --quiet
	$(DEV)/check-jsonschema --quiet --builtin-schema vendor.cloudbuild deploy/cloudbuild.yaml

audit: ## known vulnerabilities of all that is locked; asks PyPI, so it is no part of test
	$(INSTALL) dev
	exec $(DEV)/python deploy/local/audit.py

train: ## make train DATA=manifest.csv
	$(if $(DATA),,$(error Say which pictures: make train DATA=manifest.csv))
	$(INSTALL) training
	exec .venv/training/bin/python -m training_job train --data '$(DATA)' --backbone '$(BACKBONE)' \
		--weights '$(WEIGHTS)' --out '$(OUT)' $(ARGS)

bench: ## Nevus and its peers on the same photos, docs/benchmark-serving.md; ARGS=--quick shows that all works
	$(INSTALL) dev gateway inference
	exec $(DEV)/python -m benchmarks.serving $(ARGS)

deploy: ## make deploy PROJECT=id REGION=europe-west4; DRY_RUN=1 or --dry-run prints every command and changes nothing
	$(CLOUD) deploy $(PLACE) $(if $(ADMIN),--admin '$(ADMIN)')

destroy: ## undo deploy, photos, models and records excepted; DELETE_DATA=yes removes them too
	$(CLOUD) destroy $(PLACE) --delete-data '$(DELETE_DATA)'

lock: ## resolve requirements/*.in anew
	$(INSTALL) dev
	cd requirements && for name in $(LOCKS); do ../$(DEV)/uv pip compile --quiet --upgrade --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		$$name.in --output-file $$name.txt || exit 1; done

clean: ## remove the environments and caches, not the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
