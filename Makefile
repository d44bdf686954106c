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
	@echo "make run DATA=PATH    search on CIFAR-10"
	@echo "make run ARGS='...'   with options of the example (ARGS=--help lists them)"
	@echo "make test             everything that is checked"
	@echo "make example          $(BUILD)/search, score and correlate"
	@echo "make library          $(LIBRARY)/libtenas.so and libtenas.a"
	@echo "make header           regenerate include/tenas.h"
	@echo "make clean            remove what was built"

run: example
	@$(BUILD)/search $(if $(DATA),--data '$(DATA)') $(ARGS)

library:
	@scripts/setup.sh cargo cc
	cargo build --release --lib

example: library
	@mkdir -p $(BUILD)
	for program in search score correlate; do \
	    $(CC) -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude examples/c/$$program.c \
	        -o $(BUILD)/$$program -L$(LIBRARY) -Wl,-rpath,$(LIBRARY) -ltenas -lm || exit 1; \
	done

test:
	@scripts/setup.sh cargo cc c++ valgrind python3
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test --release
	cargo build --release --lib
	scripts/test-c.sh $(LIBRARY) $(BUILD)/test

header:
	@scripts/setup.sh cargo cc
	TENAS_WRITE_HEADER=1 cargo test --test header

clean:
	cargo clean
	rm -rf $(BUILD)
