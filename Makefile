# What can be done with this project; `make help` lists it.

SWIFT ?= swift
# Packages of Debian's beside the toolchain; installed when they are missing.
BUILD_PACKAGES = libc6-dev libstdc++-12-dev make
TEST_PACKAGES = $(BUILD_PACKAGES) alacritty fish gcc groff-base iproute2 libegl1 libsystemd0 libxcursor1 libxi6 lsof mandoc \
	python3 shellcheck strace systemd util-linux xvfb zsh
BENCH_PACKAGES = $(BUILD_PACKAGES) gcc gnuplot-nox python3 strace

# Tests start programs, which take their turns on the cores: more at once would only keep each waiting.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 4

# The programs carry the Swift runtime, and the C++ library that it needs, in themselves. windowd loads libsystemd when
# there is a socket to take from it, so the C library stays shared; windowctl, which people wait for, loads nothing.
SHELL = /bin/bash -o pipefail
STATIC_LIBRARIES = .build/static-libraries
RELEASE = $(SWIFT) build --configuration release --static-swift-stdlib
# Packed relocations are a megabyte less to read at every start; the C library knows them from 2.36 on.
PACKED = -Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs
WINDOWD_LINK = $(PACKED) -Xlinker -L$(CURDIR)/$(STATIC_LIBRARIES) -Xswiftc -Xclang-linker -Xswiftc -static-libgcc
# What the linker says of Foundation's own use of the C library, and of loading libraries that windowctl never loads.
QUIET = 2>&1 | sed -u -E '/warning: (Using .* in statically linked applications|the use of `(mktemp|tempnam|tmpnam))/d'
WINDOWCTL_SCRATCH = .build/windowctl
WINDOWCTL_LINK = --scratch-path $(WINDOWCTL_SCRATCH) $(PACKED) -Xswiftc -static-executable

# Where `make install` puts things, by GNU's names; DESTDIR stands before all of them.
PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
systemunitdir = $(prefix)/lib/systemd/system
userunitdir = $(prefix)/lib/systemd/user
INSTALL = install
PROGRAMS = windowd windowctl fdwatch
# What `make test-systemd` boots.
STAGE = .build/stage

.PHONY: help build echo-service leaky completions install uninstall demo test test-debug test-release test-manual test-alacritty test-systemd sanitize lint format bench bench-quick figures clean

help: ## List what can be done.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | column -t -s "$$(printf '\t')"

build: ## Build the programs; they are in .build/release then.
	@scripts/install-packages.sh $(BUILD_PACKAGES)
	@mkdir -p $(STATIC_LIBRARIES)
	@ln -sf "$$(gcc -print-file-name=libstdc++.a)" $(STATIC_LIBRARIES)/libstdc++.a
	$(RELEASE) --product windowd $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product fdwatch $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product demo $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product windowctl $(WINDOWCTL_LINK) $(QUIET)
	@cp $(WINDOWCTL_SCRATCH)/release/windowctl .build/release/windowctl

echo-service: build ## Build the example of an activated service; it is in .build/echo/release then.
	@# Planned anew each time: a file that has come into the library would not be seen from there.
	@rm -f .build/echo/release.yaml
	$(RELEASE) --package-path Examples/echo --scratch-path .build/echo $(WINDOWD_LINK) $(QUIET)

leaky: ## Build the example that leaks; it is .build/leaky then.
	@scripts/install-packages.sh gcc libc6-dev
	@mkdir -p .build
	gcc -std=gnu11 -g -Wall -Wextra -o .build/leaky Examples/leaky/leaky.c

# Only where they are missing: `sudo make install` must not build as root what `make build` has built.
$(PROGRAMS:%=.build/release/%):
	$(MAKE) build

completions: $(PROGRAMS:%=.build/release/%) ## Write completions for bash, zsh and fish; they are in .build/completions then.
	scripts/completions.sh .build/release .build/completions

install: $(PROGRAMS:%=.build/release/%) ## Install the programs and systemd's units below PREFIX, /usr/local unless given.
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(systemunitdir) $(DESTDIR)$(userunitdir)
	$(INSTALL) $(PROGRAMS:%=.build/release/%) $(DESTDIR)$(bindir)
	$(INSTALL) -m 644 systemd/system/windowd.socket $(DESTDIR)$(systemunitdir)
	$(INSTALL) -m 644 systemd/user/windowd.socket $(DESTDIR)$(userunitdir)
	sed 's|@bindir@|$(bindir)|' systemd/system/windowd.service.in >$(DESTDIR)$(systemunitdir)/windowd.service
	sed 's|@bindir@|$(bindir)|' systemd/user/windowd.service.in >$(DESTDIR)$(userunitdir)/windowd.service
	chmod 644 $(DESTDIR)$(systemunitdir)/windowd.service $(DESTDIR)$(userunitdir)/windowd.service

uninstall: ## Remove what `make install` with the same PREFIX has put there.
	rm -f $(PROGRAMS:%=$(DESTDIR)$(bindir)/%)
	rm -f $(addprefix $(DESTDIR)$(systemunitdir)/,windowd.socket windowd.service)
	rm -f $(addprefix $(DESTDIR)$(userunitdir)/,windowd.socket windowd.service)

demo: build ## Tell the leak story: count a daemon's descriptors through a thousand cycles.
	.build/release/demo

test: lint test-debug test-release test-manual test-alacritty test-systemd ## Lint, then all tests in debug and in release, of the manual, with a real Alacritty, and with systemd.

test-debug: ## All tests in debug.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(SWIFT) test

test-release: ## All tests in release.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(SWIFT) test --configuration release --scratch-path .build/test-release

test-manual: build completions ## See that the manual tells all and nothing else, and what three shells complete.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/manual.py
	Tests/System/completions.py

test-systemd: build echo-service ## Boot systemd over what `make install` gives, and see what windowd does there. Takes root.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/installation
	rm -rf $(STAGE)
	$(MAKE) install DESTDIR=$(STAGE) PREFIX=/usr/local
	$(INSTALL) .build/echo/release/echo-service $(STAGE)/usr/local/bin
	$(INSTALL) -m 644 Examples/echo/echo.socket Examples/echo/echo.service $(STAGE)/usr/local/lib/systemd/system
	scripts/boot-systemd.sh $(STAGE) Tests/System/systemd python3 /tests/main.py

test-alacritty: build ## Let fdwatch find the leak of Debian's own Alacritty, on an X server without a screen.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/alacritty-leak.py

sanitize: ## The tests under ThreadSanitizer, AddressSanitizer and UndefinedBehaviorSanitizer.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	scripts/sanitize.sh

lint: ## Check the form of Swift, C and shell, and let the analyser read the C.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	scripts/lint.sh

format: ## Bring the Swift files into form.
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift Benchmarks/Sources Benchmarks/Package.swift Examples

bench: ## Measure the server beside C and SwiftNIO; writes Benchmarks/RESULTS.md.
	@scripts/install-packages.sh $(BENCH_PACKAGES)
	Benchmarks/bench.py

bench-quick: ## A minute of the same, without SwiftNIO.
	@scripts/install-packages.sh $(BENCH_PACKAGES)
	Benchmarks/bench.py --quick

figures: build ## Measure windows a second, windowctl's time and windowd's memory beside C.
	Benchmarks/FirstLight/figures.sh

clean: ## Remove everything that was built.
	rm -rf .build Benchmarks/.build
