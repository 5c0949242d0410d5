# The two commands to begin with: `make demo` and `make test`. `make help` lists the rest.

PREFIX ?= /usr/local
DESTDIR ?=
# Profile of what is installed and shown: `release`, or `dev` where one build serves everything.
DSP_PROFILE ?= release
CARGO ?= cargo

export DSP_PROFILE
target = $(or $(CARGO_TARGET_DIR),target)
programs = $(target)/$(if $(filter dev,$(DSP_PROFILE)),debug,$(DSP_PROFILE))
share = $(DESTDIR)$(PREFIX)/share
completions = bash-completion/completions/dsp zsh/site-functions/_dsp fish/vendor_completions.d/dsp.fish

.PHONY: build help demo demo-check test test-full check install uninstall bench mutate built prerequisites web

build: prerequisites web ## build the web UI, dsp and dspd, man pages and completions (the default)
	@$(CARGO) build --locked --profile $(DSP_PROFILE)
	@$(CARGO) xtask man $(target)/share

help: ## list what make can do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: prerequisites web ## two daemons and real data on this machine, until Ctrl-C
	@$(CARGO) xtask demo

demo-check: prerequisites web ## the same story unattended; exits 0 only if it holds
	@$(CARGO) xtask demo --check

# Tests run in the profile `dev`, whatever is installed.
test: export DSP_PROFILE = dev
test: ## all tests
	@scripts/prerequisites.sh test
	@scripts/web.sh
	@$(CARGO) xtask test

test-full: export DSP_TEST_FULL = 1
test-full: test ## the same at length: hours of seeds, crashes, fuzzing and soak

check: ## what runs on every change: .ci/run
	@.ci/run

# Under sudo there may be no Rust, and nothing in the tree should become root's: what `make`
# built is installed as it is.
install: $(if $(SUDO_USER),built,build) ## install programs, man pages and completions under PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(share)/man/man1 $(addprefix $(share)/,$(dir $(completions)))
	install -m 755 $(programs)/dsp $(programs)/dspd $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(target)/share/man/man1/*.1 $(share)/man/man1
	@for file in $(completions); do install -m 644 $(target)/share/$$file $(share)/$$file || exit 1; done

uninstall: ## remove what install put there; data in ~/.dsp stays
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,dsp dspd) $(addprefix $(share)/,$(completions))
	rm -f $(share)/man/man1/dsp.1 $(share)/man/man1/dsp-*.1 $(share)/man/man1/dspd.1

bench: prerequisites ## measure against this machine's own limits
	@$(CARGO) xtask bench

mutate: ## plant known defects one by one and demand that a test turns red
	@$(CARGO) xtask mutate

built:
	@test -e $(target)/share/man/man1/dsp.1 || { echo "dsp: run make first" >&2; exit 1; }

web: ## build the web UI alone; cargo then puts it into dspd
	@scripts/web.sh

prerequisites:
	@scripts/prerequisites.sh build
