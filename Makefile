# What can be done with this project; `make help` lists it.

SWIFT ?= swift
SWIFTC ?= swiftc
# The version stands in that file alone. Until 1.0 a minor one may break what is linked, so it is part of the soname.
version := $(shell sed -n 's/.*current = "\(.*\)"/\1/p' Sources/TerminalText/ProgramVersion.swift)
abi := $(shell echo $(version) | sed -E 's/^(0\.[0-9]+|[0-9]+).*/\1/')
triple := $(shell uname -m)-unknown-linux-gnu
# Packages of Debian's beside the toolchain; installed when they are missing.
BUILD_PACKAGES = binutils libc6-dev libstdc++-12-dev make
TEST_PACKAGES = $(BUILD_PACKAGES) alacritty fish gcc groff-base iproute2 libegl1 libsystemd0 libxcursor1 libxi6 lsof mandoc \
	openssh-client openssh-server pkgconf python3 shellcheck strace systemd util-linux xvfb zsh
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
# Linked once more from the objects that there are then; SwiftPM has another name for its main function.
WINDOWCTL_LINK = $(SWIFTC) -static-executable -use-ld=lld -Xlinker --gc-sections -Xlinker -z \
	-Xlinker pack-relative-relocs -Xlinker --defsym=main=windowctl_main

# Where `make install` puts things, by GNU's names; DESTDIR stands before all of them.
PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
LIBDIR = $(exec_prefix)/lib
libdir = $(LIBDIR)
pkgconfigdir = $(libdir)/pkgconfig
datarootdir = $(prefix)/share
mandir = $(datarootdir)/man
docdir = $(datarootdir)/doc/ipckit
bashcompletiondir = $(datarootdir)/bash-completion/completions
zshcompletiondir = $(datarootdir)/zsh/site-functions
fishcompletiondir = $(datarootdir)/fish/vendor_completions.d
systemunitdir = $(prefix)/lib/systemd/system
# Where systemd looks for a user's own units, which are nobody's below ~/.local/lib.
userunitdir = $(if $(filter $(HOME)/.local,$(prefix)),$(datarootdir),$(prefix)/lib)/systemd/user
INSTALL = install
INSTALL_PROGRAM = $(INSTALL)
# What the scripts are told.
told = $(foreach name,$(1),$(name)='$($(name))')
LIBRARY_VARIABLES = $(call told,version abi triple SWIFT SWIFTC)
INSTALL_VARIABLES = $(call told,version abi triple DESTDIR prefix exec_prefix bindir libdir pkgconfigdir mandir docdir \
	bashcompletiondir zshcompletiondir fishcompletiondir systemunitdir userunitdir INSTALL INSTALL_PROGRAM)
PROGRAMS = windowd windowctl fdwatch
BUILT = $(PROGRAMS:%=.build/release/%) .build/library/lib/libIPCKit.so .build/completions/_windowd
# Where a debug build has the modules, for `make check-code`.
MODULES = -I .build/debug/Modules -Xcc -fmodule-map-file=.build/debug/CIPCShim.build/module.modulemap
# Whose calls `make faults` makes fail.
FAULTS = Tests/System/faults/main.py $(PROGRAMS:%=.build/release/%) .build/examples/release/echo-service
# What `make test-systemd` boots, and where `make test-install` installs.
STAGE = .build/stage
PREFIXED = $(CURDIR)/.build/prefix

.PHONY: $(shell sed -nE 's/^([a-z-]+):.*## .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## List what can be done.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | column -t -s "$$(printf '\t')"

build: programs completions library ## Build all that `make install` installs.

programs: ## Build the programs; they are in .build/release then.
	@scripts/install-packages.sh $(BUILD_PACKAGES)
	@mkdir -p $(STATIC_LIBRARIES)
	@ln -sf "$$(gcc -print-file-name=libstdc++.a)" $(STATIC_LIBRARIES)/libstdc++.a
	$(RELEASE) --product windowd $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product fdwatch $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product demo $(WINDOWD_LINK) $(QUIET)
	$(RELEASE) --product windowctl $(WINDOWD_LINK) $(QUIET)
	$(WINDOWCTL_LINK) -o .build/release/windowctl @.build/release/windowctl.product/Objects.LinkFileList $(QUIET)

library: ## Build the library for programs outside of this package; it is in .build/library/lib then.
	@scripts/install-packages.sh $(BUILD_PACKAGES)
	$(LIBRARY_VARIABLES) scripts/build-library.sh

examples: ## Build the examples; they are in .build/examples/release then.
	@scripts/install-packages.sh $(BUILD_PACKAGES)
	@# Planned anew each time: a file that has come into the library would not be seen from there.
	@rm -f .build/examples/release.yaml
	$(RELEASE) --package-path Examples --scratch-path .build/examples $(QUIET)

leaky: ## Build the example that leaks; it is .build/leaky then.
	@scripts/install-packages.sh gcc libc6-dev
	@mkdir -p .build
	gcc -std=gnu11 -g -Wall -Wextra -o .build/leaky Examples/leaky/leaky.c

# Only where something is missing: `sudo make install` must not build as root what `make build` has built.
$(BUILT) &:
	$(MAKE) build

completions: programs ## Write completions for bash, zsh and fish; they are in .build/completions then.
	scripts/completions.sh .build/release .build/completions

install: $(BUILT) ## Install everything below PREFIX, /usr/local unless given.
	@$(INSTALL_VARIABLES) scripts/install.sh install

install-strip: ## The same, with programs and libraries without symbols: half of the size.
	$(MAKE) install INSTALL_PROGRAM='$(INSTALL) --strip'

uninstall: ## Remove what `make install` with the same variables has put there.
	@$(INSTALL_VARIABLES) scripts/install.sh uninstall

demo: programs ## Tell the leak story: count a daemon's descriptors through a thousand cycles.
	.build/release/demo

test: lint test-builds docs check-api test-debug test-release test-install test-manual test-examples test-remote test-hostile test-faults test-alacritty test-systemd fuzz-quick ## All that must pass: form, tests in debug and in release, what is installed, the documentation, real clients, a real systemd.

# A compiler of a whole module works on one core: what is built apart is built beside the rest.
test-builds: ## Build all that the tests need, two at a time.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(MAKE) --jobs=2 test-builds-here test-builds-apart
test-builds-here:
	$(SWIFT) build --build-tests
	$(MAKE) programs completions
test-builds-apart:
	$(SWIFT) test list --configuration release --scratch-path .build/test-release >/dev/null
	$(MAKE) library examples
	scripts/fuzz.sh build

test-debug: ## All tests in debug.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(SWIFT) test

test-release: ## All tests in release.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(SWIFT) test --configuration release --scratch-path .build/test-release

test-manual: completions ## See that the manual tells all and nothing else, and what three shells complete.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/manual.py
	Tests/System/completions.py

test-systemd: build examples ## Boot systemd over what `make install` gives, and see what windowd does there. Takes root.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	rm -rf $(STAGE)
	$(MAKE) install DESTDIR=$(STAGE) PREFIX=/usr/local
	$(INSTALL) .build/examples/release/echo-service $(STAGE)/usr/local/bin
	$(INSTALL) -m 644 Examples/echo/echo.socket Examples/echo/echo.service $(STAGE)/usr/local/lib/systemd/system
	scripts/boot-systemd.sh $(STAGE) Tests/System/systemd python3 /tests/main.py

# `SEED=` draws the same cycles once more.
CYCLES ?= 100000
soak: build ## Let clients do right and wrong to windowd under a systemd, CYCLES= times; writes docs/reports/soak.md. Takes root.
	@scripts/install-packages.sh $(TEST_PACKAGES) gnuplot-nox
	rm -rf $(STAGE)
	$(MAKE) install DESTDIR=$(STAGE) PREFIX=/usr/local
	Tests/System/soak/soak.py $(STAGE) $(CYCLES) $(SEED)

test-install: build ## Link programs with what `make install` gives, as strangers do, and look for leaks in them.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	rm -rf $(PREFIXED)
	$(MAKE) install PREFIX=$(PREFIXED)
	Tests/System/installation $(PREFIXED)
	Tests/System/consumers $(PREFIXED)
	Tests/System/api $(PREFIXED)/lib/swift
	scripts/check-code.py -- -I $(PREFIXED)/lib/swift

check-api: library ## Compare the library's interface to the last tagged version's.
	$(LIBRARY_VARIABLES) scripts/check-api.sh

test-alacritty: programs ## Let fdwatch find the leak of Debian's own Alacritty, on an X server without a screen.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/alacritty-leak.py

test-examples: examples ## Run the examples, talk to them rightly and wrongly, and end them. As root it tries other users too.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/examples.py

test-remote: programs ## Use windowd through an sshd on the loopback device. As root it tries other users too.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/forwarding.py

faults: programs examples ## Make each call of the programs fail with each error of its manual page; writes docs/reports/faults.md.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(FAULTS) --report docs/reports/faults.md

test-faults: programs examples ## Three minutes of the same.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	$(FAULTS) --quick --runs 330

test-hostile: programs ## Be hostile to windowd, and take away what it needs. As root it tries other users and mounts too.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	Tests/System/hostile.py

sanitize: ## The tests under ThreadSanitizer, AddressSanitizer and UndefinedBehaviorSanitizer.
	@scripts/install-packages.sh $(TEST_PACKAGES)
	scripts/sanitize.sh

fuzz: ## Feed every parser what libFuzzer makes up, half an hour each (FUZZ_SECONDS, FUZZ_RUNS); writes docs/reports/fuzzing.md.
	@scripts/install-packages.sh $(BUILD_PACKAGES) libsystemd0
	scripts/fuzz.sh full

fuzz-quick: ## A minute of the same, from the committed corpora.
	@scripts/install-packages.sh $(BUILD_PACKAGES) libsystemd0
	scripts/fuzz.sh quick

valgrind: ## Let valgrind watch the shim's C and windowctl: their memory, and the descriptors that they end with.
	@scripts/install-packages.sh $(BUILD_PACKAGES) gcc python3 valgrind
	scripts/valgrind.sh

docs: ## Build the library's documentation; `python3 -m http.server -d .build/docs` shows it, at documentation/ipckit.
	@scripts/install-packages.sh $(BUILD_PACKAGES) python3
	scripts/docs.sh

check-code: ## Compile every block of code in the documentation, as a user of the library would.
	@scripts/install-packages.sh $(BUILD_PACKAGES) python3
	$(SWIFT) build --target IPCKitTesting
	scripts/check-code.py -- $(MODULES)

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

figures: programs ## Measure windows a second, windowctl's time and windowd's memory beside C.
	Benchmarks/FirstLight/figures.sh

clean: ## Remove everything that was built.
	rm -rf .build Benchmarks/.build
