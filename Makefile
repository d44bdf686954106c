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

# For `make install` and `make uninstall`.
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DESTDIR ?=
INSTALL = CC='$(CC)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' \
    DESTDIR='$(DESTDIR)' scripts/install.sh

.PHONY: help run library example install uninstall test header abi clean

help:
	@echo "make run              search on synthetic images, with a report in $(BUILD)/report.html"
	@echo "make run DATA=PATH    search on CIFAR-10; on others with ARGS='--dataset NAME'"
	@echo "make run ARGS='...'   with options of the example (ARGS=--help lists them)"
	@echo "make test             everything that is checked"
	@echo "make install          for other programs, to PREFIX=$(PREFIX); LIBDIR, INCLUDEDIR, DESTDIR"
	@echo "make uninstall        remove that, given the same folders"
	@echo "make example          $(BUILD)/search, score and correlate"
	@echo "make library          $(LIBRARY)/libtenas.so and libtenas.a"
	@echo "make header           regenerate include/tenas.h"
	@echo "make abi              record the names, numbers and layouts of tenas.h in tests/abi"
	@echo "make clean            remove what was built"

# The torch engine too, where the machine has what it takes.
run: FEATURES = $(shell scripts/torch-features.sh)
run: example
	@$(BUILD)/search $(if $(DATA),--data '$(DATA)') --report '$(BUILD)/report.html' $(ARGS)

library:
	@scripts/setup.sh cargo cc $(if $(FEATURES),c++)
	cargo build --release --lib $(if $(FEATURES),--features '$(FEATURES)')

example: library
	@mkdir -p $(BUILD)
	for program in search score correlate; do \
	    $(CC) -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror -Iinclude examples/c/$$program.c \
	        -o $(BUILD)/$$program -L$(LIBRARY) -Wl,-rpath,$(LIBRARY) -ltenas -lm || exit 1; \
	done

# Under sudo what was built before is installed: root need not have cargo, and leaves no files here.
ifeq ($(FEATURES),)
install: $(if $(SUDO_USER),,library)
	@$(INSTALL) install '$(LIBRARY)'
else
install:
	@echo "make install: found FEATURES=$(FEATURES), expected none: a library with the torch engine" >&2
	@echo "runs with the one libtorch it was built for. Use it where make library puts it." >&2
	@exit 1
endif

uninstall:
	@$(INSTALL) uninstall

# With the torch engine first: libtorch is fetched, and the C++ of torch-sys compiled, once, for the
# release profile. What else is tested differs without the engine in tests/torch.rs alone. Tests run
# side by side, so that each asks libtorch for one thread.
test:
	@scripts/setup.sh cargo cc c++ clang++ pkg-config valgrind python3 pip venv chromium npm mpicc mpirun pagmo
	@scripts/setup-python.sh
	@scripts/setup-pytorch.sh
	@scripts/julia.sh >/dev/null
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
	cargo build --release --lib --features test-hooks --target-dir $(TARGET)/hooks
	scripts/test-c.sh $(LIBRARY) $(BUILD)/test $(TARGET)/hooks/release
	scripts/test-sanitizers.sh $(TARGET)/sanitizers $(BUILD)/test-sanitizers
	scripts/test-install.sh $(BUILD)/stage $(LIBRARY) $(BUILD)/test-install
	scripts/test-julia.sh $(BUILD)/stage $(BUILD)/test-julia
	scripts/test-languages.sh $(BUILD)/stage $(BUILD)/test-languages
	$(MAKE) --no-print-directory example
	scripts/test-report.sh $(BUILD)/search $(BUILD)/test-report
	scripts/test-python.sh $(LIBRARY)/libtenas.so $(BUILD)/test-python

header:
	@scripts/setup.sh cargo cc
	TENAS_WRITE_HEADER=1 cargo test --test header

abi:
	@scripts/setup.sh cargo cc
	TENAS_WRITE_ABI=1 cargo test --test abi

clean:
	cargo clean
	rm -rf $(BUILD)
