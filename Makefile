# stepformer: `make` builds ./stepformer, which works from here uninstalled. `make help` lists the rest.

PREFIX  ?= /usr/local
CC      ?= cc
# REAL=double is the gradient build; BLAS=no takes the plain loop for every matrix product.
REAL    ?= float
BLAS    ?= yes
# SANITIZE=yes builds with the address and undefined-behaviour sanitizers.
SANITIZE ?= no
BUILD   ?= build/$(notdir $(CC))-$(REAL)-blas-$(BLAS)-sanitize-$(SANITIZE)
PROGRAM ?= stepformer

VERSION := 0.1
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
LIBS    := ncursesw jansson libutf8proc
OPT     ?= -O2 -g
CFLAGS_ALL = -std=c11 $(OPT) -ffp-contract=off $(WARN) -Isrc -DREAL=$(REAL) -D_POSIX_C_SOURCE=200809L \
	-DVERSION='"$(VERSION)"' -DDATADIR='"$(PREFIX)/share"' $(shell pkg-config --cflags $(LIBS)) $(CFLAGS)
LDLIBS_ALL = $(LDFLAGS) $(shell pkg-config --libs $(LIBS)) -lm -pthread
ifeq ($(BLAS),no)
CFLAGS_ALL += -DPLAIN_MATMUL=1
endif
ifeq ($(SANITIZE),yes)
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDLIBS_ALL += -fsanitize=address,undefined
endif

SOURCES := $(filter-out src/main.c,$(wildcard src/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIBRARY := $(BUILD)/libstepformer.a

all: $(PROGRAM)

$(PROGRAM): $(BUILD)/src/main.o $(LIBRARY)
	$(CC) $(CFLAGS_ALL) -o $@ $^ $(LDLIBS_ALL)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(EXTRA_$(notdir $*)) -MMD -MP -c -o $@ $<

# One file may fuse multiplications and additions: the matrix product (see its comment).
EXTRA_matmul_fast = -O3 -ffp-contract=fast

-include $(OBJECTS:.o=.d) $(BUILD)/src/main.d
.PHONY: all
