# flowtwin - learns how the users of a network behave from its flow records, and writes a twin.
#
#   make          build/flowtwin
#   make demo     on a fresh Debian machine: install what is missing, build, and show what it does
#   make check    likewise: install what is missing, build, and run every test
#   make bench    speed, as ratios measured in one run; writes build/bench.json
#   make help     the other targets
#
# Profiles live side by side in build/<profile>: release, double (src/nn computes in double, for
# gradient checks) and sanitize (ASan and UBSan). PROFILE=... chooses one; WERROR=1 makes warnings
# errors, as on CI.

PROFILE ?= release
BUILD   := build/$(PROFILE)
VERSION := 0.1.0

CC         ?= gcc
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3

PACKAGES := hdf5 openblas inih libisal libzstd jansson nettle
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wdouble-promotion \
            -Wconversion -Wno-sign-conversion

# Vectors wider than the machine's registers are passed only between functions that are inlined.
WARNINGS += -Wno-psabi

# Nobody asks for errno or traps of arithmetic; without them loops with comparisons and roots become
# vectors. The values are those of IEEE 754, as before.
FLAGS_release  := -O3 -march=native -g -fno-math-errno -fno-trapping-math
FLAGS_double   := -O2 -march=native -g -ffp-contract=off -DNN_DOUBLE -DNN_GRADCHECK
FLAGS_sanitize := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                  -fno-sanitize-recover=all -DNN_GRADCHECK

# Clang takes NAN and INFINITY, which are floats in C's headers, for conversions that lose something.
ifneq ($(findstring clang,$(CC)),)
WARNINGS += -Wno-double-promotion -Wno-pass-failed
endif

ifneq ($(CI)$(WERROR),)
WARNINGS += -Werror
endif

# Asked for only where something is compiled, so that `make help` and the installation of what is
# missing work before it is there. Their headers are the system's: our warnings are not for them.
PACKAGE_CFLAGS = $(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))
PACKAGE_LIBS   = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lhdf5_hl -lm
CHECK_LIBS     = $(shell $(PKG_CONFIG) --libs check)

ALL_CFLAGS = -std=c17 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DFLOWTWIN_VERSION='"$(VERSION)"' \
             $(FLAGS_$(PROFILE)) $(CONTRACT) $(WARNINGS) -fopenmp -Isrc -include src/base/banned.h \
             $(PACKAGE_CFLAGS) $(CFLAGS)

SOURCES      := $(sort $(wildcard src/*/*.c src/*/*/*.c))
HEADERS      := $(sort $(wildcard src/*/*.h src/*/*/*.h))
TEST_SOURCES := $(sort $(wildcard tests/*/test_*.c))
TEST_SHARED  := $(sort $(wildcard tests/*.c))
BENCH_SOURCES := $(sort $(wildcard tests/bench/bench_*.c))
BENCH_SHARED := tests/bench/report.c

OBJECTS     := $(SOURCES:src/%.c=$(BUILD)/obj/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/obj/cli/main.o,$(OBJECTS))
LIBRARY     := $(BUILD)/libflowtwin.a
TESTS       := $(TEST_SOURCES:tests/%.c=$(BUILD)/tests/%)
BENCHES     := $(BENCH_SOURCES:tests/%.c=$(BUILD)/tests/%)
TEST_OBJECTS := $(TEST_SHARED:tests/%.c=$(BUILD)/obj/tests/%.o)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all demo check check-all check-unit check-style check-layers check-headers \
        bench benches tests format man help clean compile_commands.json install uninstall

all: build/flowtwin

build/flowtwin: build/release/flowtwin
	@ln -sf release/flowtwin $@
ifneq ($(PROFILE),release)
build/release/flowtwin:
	@$(MAKE) --no-print-directory PROFILE=release $@
endif

$(BUILD)/flowtwin: $(BUILD)/obj/cli/main.o $(LIBRARY)
	@echo "  LINK    $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PACKAGE_LIBS)

# Made anew each time, so that an object whose source is gone does not stay in it.
$(LIBRARY): $(LIB_OBJECTS)
	@echo "  AR      $@"
	@rm -f $@
	@$(AR) rcs $@ $^

# Where the time goes: multiply-adds in one instruction, which -std=c17 would keep apart.
ifeq ($(PROFILE),release)
$(BUILD)/obj/nn/%.o: CONTRACT = -ffp-contract=fast
$(BUILD)/obj/model/masked_conv/stepper.o: CONTRACT = -ffp-contract=fast
endif

$(BUILD)/obj/%.o: src/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -Itests -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_OBJECTS) $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(PACKAGE_LIBS)

$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(BENCH_SHARED:tests/%.c=$(BUILD)/obj/tests/%.o) $(LIBRARY)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(PACKAGE_LIBS)

# Changes when the flags do, so that everything is compiled again.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(FLAGS_$(PROFILE)) $(WARNINGS) $(CFLAGS) $(VERSION)' | cmp -s - $@ || \
	    echo '$(CC) $(FLAGS_$(PROFILE)) $(WARNINGS) $(CFLAGS) $(VERSION)' > $@
FORCE:

-include $(OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(TEST_SOURCES:tests/%.c=$(BUILD)/obj/tests/%.d) \
         $(BENCH_SOURCES:tests/%.c=$(BUILD)/obj/tests/%.d) $(BENCH_SHARED:tests/%.c=$(BUILD)/obj/tests/%.d)

# ---- tests --------------------------------------------------------------------------------------

tests: $(TESTS) $(BUILD)/flowtwin
benches: $(BENCHES)

check:
	@scripts/install-packages build test
	@$(MAKE) --no-print-directory -j$$(nproc) check-all

check-all: check-style
	@$(MAKE) --no-print-directory all tests benches
	@$(MAKE) --no-print-directory PROFILE=double tests
	@$(MAKE) --no-print-directory PROFILE=sanitize tests
	@scripts/run-tests release double sanitize

# One profile: make check-unit PROFILE=sanitize
check-unit: tests
	@scripts/run-tests $(PROFILE)

check-style: check-layers check-headers
	@scripts/check-format

check-layers:
	@scripts/check-layers

check-headers: $(HEADERS:src/%.h=$(BUILD)/headers/%.ok)
$(BUILD)/headers/%.ok: src/%.h $(BUILD)/flags
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -Wno-unused -x c -fsyntax-only $<
	@touch $@

# ---- for people ---------------------------------------------------------------------------------

demo:
	@scripts/install-packages build
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@scripts/demo

bench: all $(BENCHES)
	@scripts/bench

format:
	@clang-format -i $(SOURCES) $(HEADERS) $(TEST_SOURCES) $(TEST_SHARED) $(wildcard tests/*.h tests/bench/*.[ch])

# For editors. The command goes through the environment, which keeps its quotes.
compile_commands.json: export COMPILE = $(CC) $(ALL_CFLAGS) -Itests
compile_commands.json:
	@scripts/compile-commands $(SOURCES) $(TEST_SOURCES) $(TEST_SHARED) $(BENCH_SOURCES) > $@

# The lists of commands and options in the man page, from what --help says.
man: all
	@scripts/man-page

PREFIX ?= /usr/local
install: all
	install -D -m 755 build/release/flowtwin $(DESTDIR)$(PREFIX)/bin/flowtwin
	install -D -m 644 docs/flowtwin.1 $(DESTDIR)$(PREFIX)/share/man/man1/flowtwin.1
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/flowtwin $(DESTDIR)$(PREFIX)/share/man/man1/flowtwin.1

clean:
	rm -rf build compile_commands.json

help:
	@sed -n '/^#   make/s/^# *//p' Makefile
	@echo "make check-unit   the tests of one profile, without installing anything"
	@echo "make check-style  layers, headers and format"
	@echo "make format       clang-format over everything"
	@echo "make man          docs/flowtwin.1 anew, after options have changed"
	@echo "make compile_commands.json  how each file is compiled, for editors"
	@echo "make install      to PREFIX (/usr/local), with the man page"
	@echo "make clean        removes build/"
