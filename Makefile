# stepformer: `make` builds ./stepformer, which works from here uninstalled. `make help` lists the rest.

MAKEFLAGS += --no-print-directory
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
# REAL=double is the gradient build; BLAS=no takes the plain loop for every matrix product; SANITIZE=yes
# builds with the address and undefined-behaviour sanitizers. Each combination has a build folder of its own.
REAL     ?= float
BLAS     ?= yes
SANITIZE ?= no
# PIE=yes: a program that the system may load anywhere. Its tables hold 6000 pointers that are then put right at every start: 0.2 ms of 3.
PIE      ?= no
VARIANT  := $(notdir $(CC))-$(REAL)$(if $(filter no,$(BLAS)),-plain)$(if $(filter yes,$(SANITIZE)),-sanitize)$(if $(filter yes,$(PIE)),-pie)
BUILD    ?= build/$(VARIANT)
PROGRAM  ?= $(if $(filter cc-float gcc-float,$(VARIANT)),stepformer,$(BUILD)/stepformer)

VERSION := 0.1
LIBS    := ncursesw jansson libutf8proc md4c libpcre2-8
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror=switch
OPT     ?= -O2 -g
FLAGS   = -std=c11 $(OPT) $(EXTRA) -ffp-contract=off $(WARN) -Isrc -D_POSIX_C_SOURCE=200809L -DREAL=$(REAL) \
          -DVERSION='"$(VERSION)"' -DDATADIR='"$(PREFIX)/share"' $(shell pkg-config --cflags $(LIBS))
LINK    = $(shell pkg-config --libs $(LIBS)) -lm -pthread
ifeq ($(PIE),no)
FLAGS += -fno-pie
LINK  += -no-pie
endif
ifeq ($(BLAS),no)
FLAGS += -DPLAIN_MATMUL=1
endif
ifeq ($(SANITIZE),yes)
SAN   := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS += $(SAN)
LINK  += $(SAN)
endif

SOURCES := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libstepformer.a
TESTS   := $(wildcard tests/unit/*.c)
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))

LANGUAGES := zh_CN
MESSAGES  := $(LANGUAGES:%=build/locale/%/LC_MESSAGES/stepformer.mo)

all: $(PROGRAM) $(MESSAGES)

$(PROGRAM): $(BUILD)/src/main.o $(LIBRARY)
	$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(LINK)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

# Two files may fuse multiplications and additions: the matrix product, and elementwise.c (see their comments).
# The sanitizers leave it alone: its many unrolled loops would take minutes to compile.
$(BUILD)/src/tensor/matmul_fast.o: FLAGS += -O3 -ffp-contract=fast $(if $(filter yes,$(SANITIZE)),-fno-sanitize=all)
# And three, that one among them, are written for the compiler to vectorise.
$(BUILD)/src/tensor/elementwise.o: FLAGS += -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
$(BUILD)/src/tensor/dtype.o $(BUILD)/src/tensor/quantised.o: FLAGS += -O3 -fno-trapping-math

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests ----

$(BUILD)/tests/unit/%.o: FLAGS += -D_DEFAULT_SOURCE $(shell pkg-config --cflags criterion 2>/dev/null)

$(BUILD)/unit: $(TESTS:%.c=$(BUILD)/%.o) $(LIBRARY)
	$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(LINK) $(shell pkg-config --libs criterion)

REPLAY := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/corrupt/*.c))
$(BUILD)/replay: $(REPLAY) $(LIBRARY)
	$(CC) $(FLAGS) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(LINK)

# Corrupt files, then unit tests, golden cases and screens. A leak or a finding of a sanitizer fails it although Criterion
# stays green on one: the sanitizers write to files of their own, and there must be none.
check: $(BUILD)/unit $(BUILD)/replay $(MESSAGES)
	@sh tests/translations.sh
	@rm -f $(BUILD)/asan.log.*
	$(BUILD)/replay
	@echo leak:libcriterion >$(BUILD)/lsan.supp
	ASAN_OPTIONS='detect_leaks=1:log_path="$(abspath $(BUILD))/asan.log"' LSAN_OPTIONS='print_suppressions=0:suppressions="$(abspath $(BUILD))/lsan.supp"' \
		$(BUILD)/unit --timeout 900
	@if grep -qsE 'ERROR:|runtime error' $(BUILD)/asan.log.*; then cat $(BUILD)/asan.log.*; echo "check: the sanitizers found something"; exit 1; fi

# All there is: the command line first, so that the runner's own line comes last.
test: all
	sh tests/cli/run.sh ./$(PROGRAM)
	$(MAKE) check

# Every parser, fed by libFuzzer for FUZZ_SECONDS each.
FUZZ_SECONDS ?= 60
FUZZ_LIBRARY := build/fuzz/library/libstepformer.a
fuzz: $(FUZZERS:%=fuzz-%)
.PHONY: fuzz-library
fuzz-library:
	$(MAKE) CC=clang SANITIZE=yes EXTRA=-fsanitize=fuzzer-no-link BUILD=build/fuzz/library $(FUZZ_LIBRARY)
fuzz-%: tests/fuzz/%.c tests/corrupt/parsers.c tests/corrupt/parsers_pass.c tests/corrupt/parsers_tokenizer.c fuzz-library
	@mkdir -p build/fuzz/$*-corpus
	@for f in tests/data/*$(patsubst fuzz_%,%,$*)* tests/data/model/$(patsubst fuzz_%_json,%,$*)_*.json tests/data/model/*.$(patsubst fuzz_%,%,$*) tests/data/pass/$(patsubst fuzz_%,%,$*)*; do [ ! -f "$$f" ] || cp "$$f" build/fuzz/$*-corpus/; done
	clang $(FLAGS) -Itests/corrupt -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o build/fuzz/$* $< tests/corrupt/parsers.c tests/corrupt/parsers_pass.c tests/corrupt/parsers_tokenizer.c $(FUZZ_LIBRARY) $(LINK)
	build/fuzz/$* -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -rss_limit_mb=2048 -print_final_stats=1 build/fuzz/$*-corpus

$(BUILD)/bench_%: tests/bench/bench_%.c tests/bench/bench.h $(LIBRARY)
	$(CC) $(FLAGS) $(CFLAGS) -D_DEFAULT_SOURCE -o $@ $< $(LIBRARY) $(LDFLAGS) $(LINK)

$(BUILD)/floor: tests/bench/floor.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -D_DEFAULT_SOURCE -o $@ $< $(LDFLAGS) $(filter -no-pie,$(LINK))

bench: all $(BENCHES) $(BUILD)/floor
	@for b in $(BENCHES); do $$b || exit 1; done
	@python3 tests/bench/terminal.py ./$(PROGRAM) $(BUILD)/floor

bench-class: all
	@python3 tests/bench/classroom.py ./$(PROGRAM) $(SESSIONS)

# ---- models ----

# All shipped weights, made again: the hand-wired ones by their program, the others from their recipes.
RECIPES := $(wildcard tiny-models/*/recipe.json)
MADE    := $(BUILD)/tiny-models
models: all
	@rm -rf $(MADE) && mkdir -p $(MADE)
	$(CC) $(FLAGS) $(CFLAGS) -o $(MADE)/wire tiny-models/hand-wired/wire.c $(LIBRARY) $(LDFLAGS) $(LINK)
	$(MADE)/wire $(MADE)/hand-wired
	cp $(MADE)/hand-wired/* tiny-models/hand-wired/
	for r in $(RECIPES); do \
		m=$$(basename $$(dirname $$r)); \
		./$(PROGRAM) train $$r -o $(MADE)/$$m && cp $(MADE)/$$m/config.json $(MADE)/$$m/model.safetensors $(MADE)/$$m/vocab.txt tiny-models/$$m/ || exit 1; \
	done

# Whether the shipped weights still reach their cards.
models-check: all
	@python3 tests/models/check.py ./$(PROGRAM)

# zh-en and its variants with three seeds each, which takes hours, and how much of zh-en a bag of words decides. It can be
# interrupted and started again; `python3 tests/models/spread.py --write …` puts the table into the cards.
.PHONY: models-spread
models-spread: all
	@mkdir -p $(BUILD)/models-spread
	@$(CC) $(FLAGS) $(CFLAGS) -o $(BUILD)/models-spread/bag tests/models/bag.c $(LIBRARY) $(LDFLAGS) $(LINK)
	@$(BUILD)/models-spread/bag
	@python3 tests/models/spread.py ./$(PROGRAM) $(BUILD)/models-spread

# ---- installing ----

DATA    := $(DESTDIR)$(PREFIX)/share/stepformer
MAN     := $(DESTDIR)$(PREFIX)/share/man/man1
COMPLETION := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
LESSONS := $(patsubst lessons/%/en.md,%,$(wildcard lessons/*/en.md))
MODELS  := $(patsubst tiny-models/%/config.json,%,$(wildcard tiny-models/*/config.json))

# Quoted: a path may hold spaces.
install: all
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(MAN)" "$(COMPLETION)" "$(DATA)/lessons"
	install -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/stepformer"
	install -m 644 $(BUILD)/stepformer.1 "$(MAN)/stepformer.1"
	install -m 644 src/cli/stepformer.bash "$(COMPLETION)/stepformer"
	install -m 644 lessons/README.md "$(DATA)/lessons/README.md"
	for m in $(MODELS); do \
		install -d "$(DATA)/tiny-models/$$m" && \
		install -m 644 $$(ls tiny-models/$$m/*.json tiny-models/$$m/*.safetensors tiny-models/$$m/*.txt tiny-models/$$m/*.md) "$(DATA)/tiny-models/$$m" || exit 1; \
	done
	for l in $(LANGUAGES); do \
		m=$$l/LC_MESSAGES; \
		[ ! -f build/locale/$$m/stepformer.mo ] || \
			{ install -d "$(DATA)/locale/$$m" && install -m 644 build/locale/$$m/stepformer.mo "$(DATA)/locale/$$m"; } || exit 1; \
	done
	for l in $(LESSONS); do \
		install -d "$(DATA)/lessons/$$l" && install -m 644 lessons/$$l/*.md "$(DATA)/lessons/$$l" || exit 1; \
	done

uninstall:
	rm -f "$(DESTDIR)$(PREFIX)/bin/stepformer" "$(MAN)/stepformer.1" "$(COMPLETION)/stepformer"
	rm -rf "$(DATA)"
	-cd "$(DESTDIR)/" && for d in bin share/man/man1 share/bash-completion/completions; do rmdir -p ".$(PREFIX)/$$d"; done 2>/dev/null || true

# The manual page's keys come from the command table, and its expressions' functions from theirs.
all: $(BUILD)/stepformer.1
$(BUILD)/stepformer.1: src/cli/stepformer.1 $(PROGRAM)
	@mkdir -p $(@D)
	./$(PROGRAM) keys --format man > $@.keys
	./$(PROGRAM) print --format man > $@.words
	sed -e '/^\.\\" KEYS$$/r $@.keys' -e '/^\.\\" WORDS$$/r $@.words' $< > $@
	@rm -f $@.keys $@.words

# ---- languages ----

# Every text on the screen is English in the sources and Chinese in src/po/zh_CN.po. Without msgfmt (gettext) the program is built all the
# same, and speaks English.
XGETTEXT   = LC_ALL=C xgettext -f - -C --from-code=UTF-8 --no-location --package-name=stepformer --package-version=$(VERSION) \
             -k_ -kN_ -kC_:1c,2 -kngettext:1,2 -kerror_set:2 -kerror_prefix:2 -kerror_memory:2 -kcli_say:1 -keval_fail:4 -kfail_at:3 \
             -kexpected:2 -kparse_raw:2
MSGMERGE  ?= msgmerge
build/locale/%/LC_MESSAGES/stepformer.mo: src/po/%.po
	@mkdir -p $(@D)
	@if command -v msgfmt >/dev/null; then msgfmt --check-format --check-domain -o $@ $<; \
	else echo "make: msgfmt was not found, so there is no translation: the program speaks English; install gettext" >&2; fi

# Every marked text, and the line that each model's card begins with, into build/stepformer.pot; then what is new or gone, into the translations (needs xgettext and msgmerge).
.PHONY: pot po
pot:
	@mkdir -p build
	@for r in tiny-models/*/README.md; do sed -n '3s/.*/_("&")/p' $$r; done >build/summaries.h
	@{ find src -name '*.[ch]' -o -name '*.def'; echo build/summaries.h; } | LC_ALL=C sort | $(XGETTEXT) -o - | sed /^.POT-Creation-Date/d >build/stepformer.pot
po: pot
	@for l in $(LANGUAGES); do $(MSGMERGE) --quiet --update --backup=none --no-fuzzy-matching --no-location src/po/$$l.po build/stepformer.pot || exit 1; \
		msgattrib --no-obsolete --no-location -o src/po/$$l.po src/po/$$l.po && sed -i /^.POT-Creation-Date/d src/po/$$l.po && msgfmt --statistics -o /dev/null src/po/$$l.po; done

# ---- the rest ----

deps:
	sh .ci/deps

clean:
	rm -rf build stepformer

help:
	@echo 'make                      build ./stepformer'
	@echo 'make test                 every test'
	@echo 'make check                unit, golden, corrupt and screen tests of one build'
	@echo '                          (with CC=clang, SANITIZE=yes, BLAS=no, REAL=double)'
	@echo 'make fuzz                 a fuzzer for every parser, one minute each (clang)'
	@echo 'make bench                how fast: products, passes, training, decoding, start, keys'
	@echo 'make bench-class          30, 100 and 300 sessions at once: how long a key takes, and the memory of each'
	@echo 'make po                   what is to be translated, into src/po (gettext)'
	@echo 'make models               make the shipped weights again; models-check compares them with their cards'
	@echo 'make install PREFIX=…     program, manual page, completion, models; also uninstall'
	@echo 'make deps                 install what building needs (Debian)'
	@echo 'make clean'

-include $(OBJECTS:.o=.d) $(BUILD)/src/main.d $(TESTS:%.c=$(BUILD)/%.d) $(REPLAY:.o=.d)
.PHONY: all check test fuzz bench bench-class models models-check install uninstall deps clean help
.SECONDARY:
