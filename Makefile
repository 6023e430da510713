# vitro - one Makefile for everything; `make help` lists the targets.
# Objects go to build/$(V)/; the default variant's programs and libraries to build/bin and build/lib.

V          ?= debug
B          := build/$(V)
OUT        := $(if $(filter debug,$(V)),build,$(B))
BIN        := $(OUT)/bin
LIB        := $(OUT)/lib
GEN        := build/gen
PREFIX     ?= /usr/local
DESTDIR    ?=
VERSION    := $(shell sed -n 's/^\#define VITRO_VERSION "\(.*\)"/\1/p' lib/include/vitro/version.h)
ABI        := 0
MAKEFLAGS  += --no-print-directory
JOBS       := $(shell nproc 2>/dev/null || echo 2)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS  += -j$(JOBS)
endif

WARN       := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
              -Wmissing-prototypes -Wvla -Wwrite-strings -Wundef -Wformat=2
WARN_TESTS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla -Wundef -Wno-unused-parameter
SANITIZE   := -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_debug   := -Og -g3
CFLAGS_release := -O2 -g -DNDEBUG -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_proof   := -O2 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined $(SANITIZE)
CFLAGS_tsan    := -O1 -g -fsanitize=thread $(SANITIZE)
CFLAGS_cover   := -O0 -g --coverage
OPT        := $(or $(CFLAGS_$(V)),$(error V=$(V): use debug release proof asan tsan cover))
# Packed, the addresses that the loader moves take 400 bytes and not 30 KiB (glibc 2.36).
LINK       := -Wl,-z,relro,-z,now,-z,pack-relative-relocs
POSIX      := -D_POSIX_C_SOURCE=200809L
GNU        := -D_GNU_SOURCE
KNOWN_USERS := lib/services/% tools/call_reflect.c tools/schemas.c
GNU_DIRS   := lib/io/% lib/trace/% tools/% lessons/% tests/%
BASE_FLAGS  = -std=c11 $(WERROR) $(OPT) -Ilib -Ilib/include -I$(GEN) -fPIC -fvisibility=hidden \
              -pthread $(CPPFLAGS) $(CFLAGS)

# What each output is made of
# Only who reads along opens records.
READ_ALONG := lib/decode/% $(foreach f,cbc follow hello record schedule secrets,lib/crypto/$(f).c)
LIB_C      := $(filter-out $(READ_ALONG),$(wildcard lib/*/*.c))
DECODE_C   := $(wildcard $(foreach d,decode base frame wire pb crypto trace,lib/$(d)/*.c))
VITRO_C    := $(wildcard tools/*.c tools/ui/*.c tools/serve/*.c)
PLUGIN_C   := $(wildcard tools/protoc-gen-vitro/*.c)
MANUAL_C   := $(wildcard tools/manual/*.c)
SUPPORT_C  := $(wildcard tests/support/*.c)
UNIT_C     := $(wildcard tests/unit/*.c)
PROGRAM_C  := $(wildcard tests/soak/*.c tests/threads/*.c tests/bench/vitro/*.c tests/differential/*.c \
              tests/captures/*.c tests/interop/*.c tests/screen/*.c tests/oom/*.c tests/sim/sim.c \
              tests/attacks/*.c)
LESSONS    := $(patsubst lessons/%/main.c,%,$(wildcard lessons/[0-9]*/main.c))
LESSON_O   := $(patsubst %.c,$(B)/%.o,$(wildcard lessons/*.c))
LESSON_TEXTS := $(wildcard lessons/[0-9]*/*.md lessons/[0-9]*/*.c lessons/certificates/*.pem \
              lessons/certificates/*.key)
PROTOS     := $(wildcard proto/*.proto)
TEST_PROTOS := $(wildcard tests/proto/*.proto)

# What the library itself speaks: symbols of its own, so that a program may link the same .proto.
KNOWN      := $(addprefix grpc/,health/v1/health reflection/v1/reflection reflection/v1alpha/reflection)
KNOWN_H    := $(KNOWN:%=$(GEN)/known/%.vitro.h)
KNOWN_O    := $(KNOWN:%=$(B)/gen/known/%.vitro.o)
LIB_O      := $(LIB_C:%.c=$(B)/%.o) $(KNOWN_O)
DECODE_O   := $(DECODE_C:%.c=$(B)/%.o)
VITRO_O    := $(VITRO_C:%.c=$(B)/%.o)
PLUGIN_O   := $(PLUGIN_C:%.c=$(B)/%.o)
MANUAL_O   := $(MANUAL_C:%.c=$(B)/%.o) $(B)/tools/protoc-gen-vitro/text.o $(B)/tools/ui/keymap.o
SUPPORT_O  := $(SUPPORT_C:%.c=$(B)/%.o)
PROTO_H    := $(PROTOS:proto/%.proto=$(GEN)/%.vitro.h)
PROTO_A    := $(B)/gen/libproto.a
PROTO_O    := $(PROTOS:proto/%.proto=$(B)/gen/%.vitro.o)
WELL_KNOWN := $(addprefix google/protobuf/,any api descriptor duration empty field_mask \
              source_context struct timestamp type wrappers)
# What the tools know besides: of errors with details, and what stands in google.protobuf.Any.
SHIPPED    := $(addprefix google/,rpc/status rpc/error_details \
              $(addprefix protobuf/,any duration empty field_mask struct timestamp wrappers))
SHIPPED_H  := $(SHIPPED:%=$(GEN)/known/%.vitro.h)
SHIPPED_O  := $(SHIPPED:%=$(B)/gen/known/%.vitro.o)
TEST_PROTO := $(TEST_PROTOS:tests/proto/%.proto=%) $(WELL_KNOWN) external/echo $(KNOWN) \
              $(addprefix grpc/testing/,empty messages test) $(addprefix google/rpc/,status error_details)
TEST_PROTO_H := $(TEST_PROTO:%=$(GEN)/%.vitro.h)
TEST_PROTO_O := $(TEST_PROTO:%=$(B)/gen/%.vitro.o) $(B)/gen/external/echo.pb-c.o
TEST_PROTO_A := $(B)/gen/libtestproto.a
UNIT_BIN   := $(UNIT_C:%.c=$(B)/%)
PROGRAMS   := $(PROGRAM_C:%.c=$(B)/%)
INTEROP    := $(B)/tests/interop/vitro-interop-
OOM_C      := $(wildcard tests/oom/world/*.c)
ATTACKS_C  := $(wildcard tests/attacks/siege/*.c)
INTEROP_C  := $(wildcard tests/interop/client/*.c tests/interop/server/*.c)
HEADERS    := $(wildcard lessons/*.h lib/*/*.h lib/include/vitro/*.h lib/include/vitro/lab/*.h lib/include/*.h)

PACKAGES   := libnghttp2 libprotobuf-c jansson openssl zlib
LDLIBS     := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null || echo -lnghttp2 -lprotobuf-c -ljansson -lssl -lcrypto -lz)
STATIC      = $(LIB)/libvitro-decode.a $(LIB)/libvitro.a

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

all: deps               ## build the libraries, the programs and the lessons
	@$(MAKE) build

build: $(LIB)/libvitro.a $(LIB)/libvitro-decode.a $(LIB)/libvitro.so $(LIB)/libvitro-decode.so \
       programs lessons

run:                    ## the lessons; where there is no terminal, one of them as text
	@sh tools/deps/install.sh run
	@$(MAKE) -s programs lessons
	@if [ -t 0 ] && [ -t 1 ]; then build/bin/vitro learn; else build/bin/vitro learn 08 --plain; fi

check:                  ## all tests, sanitizers, layers, headers, symbols, documents, format
	@sh tools/deps/install.sh run check
	+@sh tests/check/check.sh

deps:                   ## install the packages that building and running need
	@sh tools/deps/install.sh run

help:                   ## list targets
	@sed -n 's/^\([a-z][a-z_ -]*\):.*## /  \1\t/p' Makefile | expand -t 28

programs: $(BIN)/vitro $(BIN)/protoc-gen-vitro
lessons: $(LESSONS:%=$(OUT)/lessons/%/main) $(LESSON_TEXTS:%=$(OUT)/%)

# ---- libraries ---------------------------------------------------------------------------------
$(LIB)/libvitro.a: $(LIB_O)
	@mkdir -p $(@D) && echo '  AR $@' && rm -f $@ && ar rcs $@ $^
$(LIB)/libvitro-decode.a: $(DECODE_O)
	@mkdir -p $(@D) && echo '  AR $@' && rm -f $@ && ar rcs $@ $^

$(LIB)/libvitro.so: $(LIB_O)
$(LIB)/libvitro-decode.so: $(DECODE_O)
$(LIB)/%.so:
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -shared -pthread $(LINK) -Wl,-soname,$(@F).$(ABI) -o $@.$(ABI) $^ $(LDLIBS)
	@ln -sf $(@F).$(ABI) $@

# ---- objects -----------------------------------------------------------------------------------
features    = $(if $(filter $(GNU_DIRS),$<),$(GNU),$(POSIX))
warnings    = $(if $(filter tests/%,$<),$(WARN_TESTS),$(WARN))
known       = $(if $(filter $(KNOWN_USERS),$<),-I$(GEN)/known) # before those of other protos
includes    = $(if $(filter tools/%,$<),-Itools) $(if $(filter tests/% lessons/%,$<),-Itests -Ilessons -Itools)
$(B)/%.o: %.c Makefile
	@mkdir -p $(@D) && echo '  CC $@'
	@$(CC) $(known) $(BASE_FLAGS) $(features) $(warnings) $(includes) -MMD -MP -c -o $@ $<
$(B)/gen/%.pb-c.o: $(GEN)/%.pb-c.c
	@mkdir -p $(@D) && echo '  CC $@'
	@$(CC) $(BASE_FLAGS) $(POSIX) -w -MMD -MP -c -o $@ $<
$(B)/gen/known/%.vitro.o: $(GEN)/known/%.vitro.c | $(KNOWN_H) $(SHIPPED_H)
	@mkdir -p $(@D) && echo '  CC $@'
	@$(CC) -I$(GEN)/known $(BASE_FLAGS) $(POSIX) -Wall -Wextra -Wpedantic -MMD -MP -c -o $@ $<
$(B)/gen/%.vitro.o: $(GEN)/%.vitro.c | $(PROTO_H) $(TEST_PROTO_H)
	@mkdir -p $(@D) && echo '  CC $@'
	@$(CC) $(BASE_FLAGS) $(POSIX) -Wall -Wextra -Wpedantic -MMD -MP -c -o $@ $<

# ---- generated code ----------------------------------------------------------------------------
# protoc-gen-vitro reads its request with messages that protoc-c made of plugin.proto.
BOOTSTRAP  := $(GEN)/google/protobuf/compiler/plugin.pb-c
DESCRIPTOR := $(GEN)/google/protobuf/descriptor.pb-c
PROTO_DIR  := $(firstword $(wildcard /usr/include /usr/local/include))
$(BOOTSTRAP).c $(BOOTSTRAP).h $(DESCRIPTOR).c $(DESCRIPTOR).h: $(GEN)/.bootstrap ;
$(GEN)/.bootstrap:
	@mkdir -p $(GEN) && echo '  GEN plugin.pb-c descriptor.pb-c'
	@protoc --plugin=protoc-gen-c=$$(command -v protoc-gen-c) -I$(PROTO_DIR) --c_out=$(GEN) \
	  google/protobuf/descriptor.proto google/protobuf/compiler/plugin.proto && touch $@
$(PLUGIN_O): $(GEN)/.bootstrap

# The generator runs at build time: whatever the variant, the default variant's is used.
GENERATOR  := build/bin/protoc-gen-vitro
$(GEN)/%.vitro.c $(GEN)/%.vitro.h &: proto/%.proto $(GENERATOR)
	@mkdir -p $(GEN) && echo '  GEN $*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) -Iproto --vitro_out=$(GEN) $<
$(GEN)/known/%.vitro.c $(GEN)/known/%.vitro.h &: proto/%.proto $(GENERATOR)
	@mkdir -p $(GEN)/known && echo '  GEN known/$*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) -Iproto \
	  --vitro_out=stubs=none,symbols=vitro_known_:$(GEN)/known $<
$(GEN)/known/google/%.vitro.c $(GEN)/known/google/%.vitro.h &: $(PROTO_DIR)/google/%.proto $(GENERATOR)
	@mkdir -p $(GEN)/known && echo '  GEN known/google/$*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) \
	  --vitro_out=stubs=none,symbols=vitro_known_:$(GEN)/known google/$*.proto
$(patsubst %.c,$(B)/%.o,$(wildcard lib/services/*.c) tools/call_reflect.c): | $(KNOWN_H)
$(B)/tools/schemas.o: | $(KNOWN_H) $(SHIPPED_H)
$(GEN)/%.vitro.c $(GEN)/%.vitro.h &: tests/proto/%.proto $(GENERATOR)
	@mkdir -p $(GEN) && echo '  GEN $*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) -Itests/proto --vitro_out=$(GEN) $<
$(GEN)/google/%.vitro.c $(GEN)/google/%.vitro.h &: $(PROTO_DIR)/google/%.proto $(GENERATOR)
	@mkdir -p $(GEN) && echo '  GEN google/$*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) --vitro_out=$(GEN) google/$*.proto
$(GEN)/external/%.pb-c.c $(GEN)/external/%.pb-c.h $(GEN)/external/%.vitro.c \
$(GEN)/external/%.vitro.h &: tests/proto/external/%.proto $(GENERATOR)
	@mkdir -p $(GEN) && echo '  GEN external/$*.vitro.c'
	@protoc --plugin=protoc-gen-vitro=$(GENERATOR) -Itests/proto --c_out=$(GEN) \
	  --vitro_out=messages=external:$(GEN) $<

# What protoc-c makes of the same files, for the tests: a library of its own, since the names are
# the same. Compiled as GNU C, which knows no trigraphs: protoc-c lets them through.
ORACLE     := $(GEN)/oracle.so
ORACLE_PROTOS := $(WELL_KNOWN:%=%.proto) $(addprefix tests/proto/,common.proto types.proto legacy.proto)
$(ORACLE): $(filter tests/%,$(ORACLE_PROTOS))
	@mkdir -p $(GEN)/oracle && echo '  GEN $@'
	@protoc -Itests/proto --c_out=$(GEN)/oracle $(ORACLE_PROTOS)
	@$(CC) -std=gnu11 -w -fPIC -shared -Wl,-Bsymbolic -I$(GEN)/oracle -o $@ \
	  $$(find $(GEN)/oracle -name '*.pb-c.c') -lprotobuf-c
$(B)/tests/unit/generator_descriptors $(B)/tests/unit/generator_messages: | $(ORACLE)

# Archives: who uses one .proto links that one alone.
$(PROTO_A): $(PROTO_O) $(SHIPPED_O)
$(TEST_PROTO_A): $(TEST_PROTO_O)
$(PROTO_A) $(TEST_PROTO_A):
	@mkdir -p $(@D) && echo '  AR $@' && rm -f $@ && ar rcs $@ $^
ifneq ($(V),debug)
$(GENERATOR):
	@$(MAKE) V=debug $@
endif

# ---- programs ----------------------------------------------------------------------------------
$(BIN)/vitro: $(VITRO_O) $(PROTO_A) $(STATIC)
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -pthread $(LINK) -o $@ $^ $(LDLIBS) $$(pkg-config --libs libcmark ncursesw libpcap)
$(BIN)/protoc-gen-vitro: $(PLUGIN_O) $(B)/gen/google/protobuf/compiler/plugin.pb-c.o \
                         $(B)/gen/google/protobuf/descriptor.pb-c.o
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) $(LINK) -o $@ $^ -lprotobuf-c
$(VITRO_O) $(patsubst %.c,$(B)/%.o,$(wildcard lessons/*.c lessons/*/*.c)): | $(PROTO_H)

# ---- manual pages, made of the public headers and of what the programs say of themselves -------
man: build/man/.made    ## the manual pages, below build/man
$(B)/manual: $(MANUAL_O) $(LIB)/libvitro.a
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -pthread $(LINK) -o $@ $^ $(LDLIBS)
build/man/.made: $(B)/manual $(BIN)/vitro $(BIN)/protoc-gen-vitro tools/manual/pages.sh \
                 tools/manual/vitro.7 $(wildcard lib/include/vitro/*.h lessons/standalone/*.c)
	@echo '  MAN build/man'
	@VERSION='$(VERSION)' sh tools/manual/pages.sh build/man $(B)/manual $(BIN) && touch $@

# A lesson: its program beside its text, found by `vitro learn` next to itself.
.SECONDEXPANSION:
$(OUT)/lessons/%/main: $$(addprefix $(B)/,$$(addsuffix .o,$$(basename $$(wildcard lessons/$$*/*.c)))) \
                         $(LESSON_O) $(PROTO_A) $(LIB)/libvitro.a
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -pthread $(LINK) -o $@ $^ $(LDLIBS)
$(LESSON_TEXTS:%=$(OUT)/%): $(OUT)/%: %
	@mkdir -p $(@D) && cp $< $@

# ---- tests -------------------------------------------------------------------------------------
suites: $(UNIT_BIN)
	@V=$(V) sh tests/check/suites.sh $(B)
test-programs: $(PROGRAMS)
$(UNIT_BIN): $(B)/%: $(B)/%.o $(SUPPORT_O) $(TEST_PROTO_A) $(PROTO_A) $(STATIC)
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -pthread -o $@ $(filter %.o,$^) $(filter-out %.o,$^) $(LDLIBS) -lcriterion
$(B)/tests/differential/generate: $(addprefix $(B)/tests/support/,conversation.o pcap_write.o seed.o)
$(B)/tests/bench/vitro/captures: $(addprefix $(B)/tests/support/,large.o pcap_write.o)
$(B)/tests/threads/rooms $(B)/tests/captures/make: $(filter $(B)/tools/serve/%,$(VITRO_O)) \
                         $(addprefix $(B)/tools/,text_event.o text_fields.o wrap.o)
$(B)/tests/captures/make: $(addprefix $(B)/tests/support/,hostile.o pcap_write.o seed.o)
$(B)/tests/oom/oom: $(patsubst %.c,$(B)/%.o,$(OOM_C))
$(B)/tests/attacks/attacks: $(patsubst %.c,$(B)/%.o,$(ATTACKS_C))
$(INTEROP)client: $(patsubst %.c,$(B)/%.o,$(filter tests/interop/client/%,$(INTEROP_C)))
$(INTEROP)server: $(patsubst %.c,$(B)/%.o,$(filter tests/interop/server/%,$(INTEROP_C))) \
                  $(addprefix $(B)/tests/support/bad_,server.o script.o)
$(B)/tests/unit/bad_server: $(patsubst %.c,$(B)/%.o,$(filter tests/interop/client/%,$(INTEROP_C)))
SIM_O      := $(patsubst %.c,$(B)/%.o,$(filter-out tests/sim/sim.c,$(wildcard tests/sim/*.c)))
$(B)/tests/sim/sim: $(SIM_O) $(addprefix $(B)/tests/support/,heap.o seed.o)
$(B)/tests/threads/spool: $(addprefix $(B)/tools/,spool.o source.o feed.o)
$(PROGRAMS): $(B)/%: $(B)/%.o $(TEST_PROTO_A) $(PROTO_A) $(STATIC)
	@mkdir -p $(@D) && echo '  LD $@'
	@$(CC) $(OPT) -pthread -o $@ $(filter %.o,$^) $(filter-out %.o,$^) $(LDLIBS)
# What the programs under tools/ are made of is tested with their parts.
TOOL_TESTS := $(addprefix $(B)/tests/unit/,learn learn_progress decode_print serve serve_order \
              serve_room serve_file serve_log filter ui_views ui_keys ui_mouse ui_write ui_moment ui_terminal \
              ui_terminal_shows ui_lesson learn_terminal hostile)
TOOL_TESTS += $(addprefix $(B)/tests/unit/,watch_merge watch_screen)
$(B)/tests/unit/gate_lesson: | lessons
LOOKING := $(B)/tests/bench/vitro/looking
TOOL_TESTS += $(addprefix $(B)/tests/unit/,ui_facts tls_told)
$(TOOL_TESTS) $(LOOKING): $(filter-out %/vitro.o,$(VITRO_O)) | programs lessons
$(TOOL_TESTS) $(LOOKING): private LDLIBS := $(PROTO_A) $(STATIC) $(LDLIBS) \
                                 $(shell pkg-config --libs libcmark ncursesw libpcap vterm 2>/dev/null) -lutil
$(B)/tests/unit/decode_memory: | programs
$(addprefix $(B)/tests/unit/,ui_terminal.o ui_terminal_shows.o learn_terminal.o decode_memory.o): \
  CPPFLAGS += -DPROGRAM='"$(BIN)/vitro"'
$(addprefix $(B)/tests/unit/,learn.o ui_lesson.o learn_terminal.o gate_lesson.o): \
  CPPFLAGS += -DLESSONS='"$(OUT)/lessons"'
$(B)/tests/screen/lesson: $(filter-out %/vitro.o,$(VITRO_O)) | lessons
$(B)/tests/screen/lesson: private LDLIBS += $(shell pkg-config --libs libcmark ncursesw libpcap 2>/dev/null)
$(B)/tests/unit/watch_screen.o: CPPFLAGS += -DPROGRAM='"$(BIN)/vitro"'
$(UNIT_BIN:%=%.o) $(PROGRAMS:%=%.o) $(SUPPORT_O) $(INTEROP_C:%.c=$(B)/%.o) $(OOM_C:%.c=$(B)/%.o) $(ATTACKS_C:%.c=$(B)/%.o): | $(PROTO_H) $(TEST_PROTO_H)

asan ubsan:             ## the suites under address and undefined-behaviour sanitizers
	@sh tools/deps/install.sh run check
	@$(MAKE) V=asan suites
tsan:                   ## the programs of tests/threads under the thread sanitizer
	@sh tools/deps/install.sh run
	@$(MAKE) V=tsan test-programs
	@sh tests/check/threads.sh build/tsan/tests/threads
valgrind:               ## chosen suites and programs under memcheck: no error, nothing lost
	@sh tools/deps/install.sh run check valgrind
	@$(MAKE) test-programs $(UNIT_BIN)
	@sh tests/check/valgrind.sh
attacks:                ## attacks on `vitro serve` over loopback: it lives, is bounded, and answers others (V=asan: costs are not judged)
	@sh tools/deps/install.sh run
	@$(MAKE) programs
	@$(MAKE) V=debug build/debug/tests/attacks/attacks
	@build/debug/tests/attacks/attacks $(if $(filter asan,$(V)),-c) $(BIN)/vitro $(ARGS)
oom:                    ## each allocation of calls fails, of OpenSSL's in TLS each seventh (OOM_STEP=1: all)
	@sh tools/deps/install.sh run
	@$(MAKE) build/debug/tests/oom/oom
	@$(MAKE) V=asan build/asan/tests/oom/oom
	@sh tests/check/oom.sh
soak:                   ## a hundred thousand calls, every tenth connection cut
	@sh tools/deps/install.sh run
	@$(MAKE) V=release test-programs
	@build/release/tests/soak/soak
sim:                    ## twenty thousand seeded worlds of calls in which things go wrong
	@sh tools/deps/install.sh run
	@$(MAKE) V=proof WERROR=-Werror build/proof/tests/sim/sim
	@build/proof/tests/sim/sim --seeds 20000 --jobs $(JOBS) $(ARGS)
differential:           ## our decoder against tshark, field by field
	@sh tools/deps/install.sh run differential
	@$(MAKE) build test-programs
	@python3 tests/differential/differential.py $(ARGS)
interop:                ## against gRPC's own implementations, both ways, by the official cases too
	@sh tools/deps/install.sh run
	@sh tools/deps/install.sh interop || echo "interop: what is missing is not run"
	@$(MAKE) build test-programs
	@failed=0; for one in run tools official; do sh tests/interop/$$one.sh || failed=1; done; exit $$failed
bless:                  ## captures/ and tests/screen: make them anew, with what vitro says now
	@sh tools/deps/install.sh run
	@$(MAKE) programs lessons build/debug/tests/captures/make build/debug/tests/screen/lesson
	@sh tests/check/captures.sh bless
	@sh tests/check/screens.sh bless
bench:                  ## side by side with other implementations
	@sh tools/deps/install.sh run
	@sh tools/deps/install.sh bench || echo "bench: what is missing is not run"
	@$(MAKE) V=release build test-programs
	@sh tests/bench/run.sh $(ARGS)
layers:                 ## includes against lib/LAYERS
	@sh tests/check/layers.sh
format:                 ## rewrite the sources as .clang-format says
	@clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')
tidy:                   ## clang-tidy over the library and the tools
	@sh tools/deps/install.sh run tidy
	@$(MAKE) compile_commands
	@printf '%s\n' $(sort $(LIB_C) $(DECODE_C) $(VITRO_C)) | xargs -P $(JOBS) -n 8 clang-tidy --quiet -p build
all-checks: check       ## what needs no foreign peer: check, tidy, tsan, valgrind, oom, attacks, soak, sim
	@for one in tidy tsan valgrind oom attacks soak sim; do $(MAKE) $$one || exit 1; done

# ---- headers, each compiled alone --------------------------------------------------------------
headers: $(HEADERS:%.h=$(B)/%.h.ok) $(PROTOS:proto/%.proto=$(B)/gen/%.vitro.c.ok) \
         $(TEST_PROTO:%=$(B)/gen/%.vitro.c.ok)
$(B)/%.h.ok: %.h $(PROTO_H)
	@mkdir -p $(@D)
	@$(CC) $(BASE_FLAGS) $(GNU) $(WARN) -fsyntax-only -x c $<
	@$(CXX) -std=c++17 -Wall -Wextra -Werror -Ilib -Ilib/include -I$(GEN) $(GNU) -fsyntax-only -x c++ $<
	@touch $@
# Generated code as C++: for those who build everything with one compiler.
$(B)/gen/%.vitro.c.ok: $(GEN)/%.vitro.c $(PROTO_H) $(TEST_PROTO_H)
	@mkdir -p $(@D)
	@$(CXX) -std=c++17 -Wall -Wextra -Wpedantic -Werror -Ilib/include -I$(GEN) -fsyntax-only -x c++ $<
	@touch $@

# ---- the rest ----------------------------------------------------------------------------------
compile_commands:       ## build/compile_commands.json for editors and clang-tidy
	@mkdir -p build && KNOWN='$(GEN)/known' KNOWN_USERS='$(subst %,*,$(KNOWN_USERS))' \
	  sh tests/check/compile_commands.sh '$(CC)' '$(BASE_FLAGS) $(WARN)' '$(GNU)' '$(POSIX)' \
	  $(LIB_C) $(DECODE_C) $(VITRO_C) > build/compile_commands.json

install:                ## headers, libraries, programs, manual pages and lessons under PREFIX
	@sh tools/deps/install.sh run
	@$(MAKE) V=release build man
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' VERSION='$(VERSION)' sh tools/install.sh build/release

uninstall:              ## remove what install put under PREFIX
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh tools/install.sh --remove

clean:                  ## remove build/
	@rm -rf build

.PHONY: all build run check deps help programs lessons suites test-programs asan ubsan tsan valgrind oom \
        attacks soak sim differential interop bless bench layers format tidy all-checks headers compile_commands man install uninstall \
        clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
