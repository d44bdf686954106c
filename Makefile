# `make help` lists the targets.

export PATH := $(HOME)/.cargo/bin:$(PATH)
CC ?= cc
CXX ?= c++

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
LIBRARY := $(TARGET)/release
BUILD := $(CURDIR)/build

# For `make run`: a data set's path, and any options of the example.
DATA ?=
ARGS ?=

.PHONY: help run library example test header clean

help:
	@echo "make run              search on synthetic images"
	@echo "make run DATA=PATH    search on CIFAR-10; on others with ARGS='--dataset NAME'"
	@echo "make run ARGS='...'   with options of the example (ARGS=--help lists them)"
	@echo "make test             everything that is checked"
	@echo "make example          $(BUILD)/search, score and correlate"
	@echo "make library          $(LIBRARY)/libtenas.so and libtenas.a"
	@echo "make header           regenerate include/tenas.h"
	@echo "make clean            remove what was built"

# The torch engine too, where the machine has what it takes.
run: FEATURES = $(shell scripts/torch-features.sh)
run: example
	@$(BUILD)/search $(if $(DATA),--data '$(DATA)') $(ARGS)

library:
	@scripts/setup.sh cargo cc $(if $(FEATURES),c++)
	cargo build --release --lib $(FEATURES)

example: library
	@mkdir -p $(BUILD)
	for program in search score correlate; do \
	    $(CC) -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude examples/c/$$program.c \
	        -o $(BUILD)/$$program -L$(LIBRARY) -Wl,-rpath,$(LIBRARY) -ltenas -lm || exit 1; \
	done

# With the torch engine first: libtorch is fetched, and the C++ of torch-sys compiled, once, for the
# release profile. What else is tested differs without the engine in tests/torch.rs alone. Tests run
# side by side, so that each asks libtorch for one thread.
test:
	@scripts/setup.sh cargo cc c++ valgrind python3 pip
	@scripts/setup-python.sh
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	scripts/test-loom.sh
	@scripts/libtorch.sh >/dev/null
	cargo clippy --release --all-targets --features torch -- -D warnings
	OMP_NUM_THREADS=1 cargo test --release --features torch
	cargo build --release --lib --features torch
	OMP_NUM_THREADS=1 scripts/test-torch.sh $(LIBRARY) $(BUILD)/test-torch
	cargo test --release --test torch --test cuda
	cargo build --release --lib
	scripts/test-c.sh $(LIBRARY) $(BUILD)/test

header:
	@scripts/setup.sh cargo cc
	TENAS_WRITE_HEADER=1 cargo test --test header

clean:
	cargo clean
	rm -rf $(BUILD)
