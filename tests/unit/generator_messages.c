/*
 * generator_messages - generated messages at work: presence, defaults, names that meet, and the
 * embedded description of their file.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clash.vitro.h"
#include "google/protobuf/descriptor.vitro.h"
#include "legacy.vitro.h"
#include "optional.vitro.h"
#include "special.vitro.h"
#include "support/pb_make.h"
#include "support/protoc.h"
#include "types.vitro.h"

/* ---- bytes there and back ------------------------------------------------------------------- */

enum { ROOM = 16 * 1024, CASES = 400 };

struct pair {
    const ProtobufCMessageDescriptor *ours;
    const char *symbol; /* protoc-c's; NULL: it cannot make the type */
};
#define BOTH(name)                                                                                 \
    {                                                                                              \
        &name##__descriptor, #name "__descriptor"                                                  \
    }
#define OURS(name)                                                                                 \
    {                                                                                              \
        &name##__descriptor, NULL                                                                  \
    }

static const struct pair types[] = {
    BOTH(corpus__types_of_proto3__scalars),
    BOTH(corpus__types_of_proto3__lists),
    BOTH(corpus__types_of_proto3__choices),
    BOTH(corpus__types_of_proto3__maps),
    BOTH(corpus__legacy__optional),
    BOTH(corpus__legacy__required),
    BOTH(corpus__legacy__defaults),
    BOTH(corpus__legacy__lists),
    BOTH(google__protobuf__file_descriptor_set),
    OURS(corpus__optional__optional),
    OURS(corpus__special__reals),
    OURS(corpus__special__cases),
    OURS(corpus__clash__members),
    OURS(corpus__clash__keywords),
    OURS(corpus__clash__which),
    OURS(corpus__clash__b__c_),
};

static size_t pack(const ProtobufCMessage *m, uint8_t *out)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    cr_assert(n <= ROOM);
    return protobuf_c_message_pack(m, out);
}

/* True when protoc-c's type took the bytes too. */
static bool check_type(const struct pair *type, const ProtobufCMessageDescriptor *theirs,
                       struct chance *chance, size_t i)
{
    static uint8_t in[ROOM], out[ROOM], expected[ROOM];
    struct pb_make make = { .chance = chance, .plain = true, .out = in, .room = sizeof in / 8 };
    vitro_bytes bytes = pb_make_message(&make, type->ours, 0);
    ProtobufCMessage *ours = vitro_pb_unpack_message(type->ours, NULL, bytes.len, bytes.ptr);
    ProtobufCMessage *other = protobuf_c_message_unpack(theirs, NULL, bytes.len, bytes.ptr);
    bool compared = other && !pb_oracle_misreads(bytes, type->ours);
    if (compared) {
        cr_assert(ours != NULL, "%s refused " SEED_TEXT, type->ours->name, seed_of_run(), i);
        size_t n = pack(ours, out), m = pack(other, expected);
        cr_assert(n == m && memcmp(out, expected, n) == 0, "%s differs " SEED_TEXT,
                  type->ours->name, seed_of_run(), i);
    }
    vitro_pb_free_unpacked(ours, NULL);
    protobuf_c_message_free_unpacked(other, NULL);
    return compared;
}

Test(generator, generated_types_carry_bytes_as_those_of_protoc_c_do)
{
    struct chance chance = seed_chance();
    void *oracle = dlopen("build/gen/oracle.so", RTLD_NOW | RTLD_LOCAL);
    cr_assert(oracle != NULL, "%s", dlerror());
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        const ProtobufCMessageDescriptor *theirs =
            types[k].symbol ? dlsym(oracle, types[k].symbol) : types[k].ours;
        size_t compared = 0;
        cr_assert(theirs != NULL);
        for (size_t i = 0; i < CASES; i++) {
            compared += check_type(&types[k], theirs, &chance, i);
        }
        cr_expect(compared >= CASES / 4, "%s: only %zu of %d were compared", types[k].ours->name,
                  compared, CASES);
    }
}

/* ---- presence and defaults ------------------------------------------------------------------ */

Test(generator, an_optional_field_of_proto3_is_sent_when_it_was_set_also_to_its_default)
{
    Corpus__Optional__Optional m = CORPUS__OPTIONAL__OPTIONAL__INIT, *back;
    uint8_t bytes[64];
    cr_expect_null(m.a_string);
    cr_expect_eq(corpus__optional__optional__get_packed_size(&m), 0);
    m.has_an_int32 = 1;
    m.a_string = (char *)"";
    m.plain = 0;
    cr_assert_eq(corpus__optional__optional__pack(&m, bytes), 4);
    cr_expect_arr_eq(bytes, ((uint8_t[]){ 0x18, 0, 0x72, 0 }), 4);
    back = corpus__optional__optional__unpack(NULL, 4, bytes);
    cr_assert(back != NULL);
    cr_expect(back->has_an_int32 && !back->has_a_bool && !back->has_some_bytes);
    cr_expect_str_eq(back->a_string, "");
    cr_expect_eq(back->real_case, CORPUS__OPTIONAL__OPTIONAL__REAL__NOT_SET);
    corpus__optional__optional__free_unpacked(back, NULL);
}

Test(generator, defaults_that_are_no_numbers_compile_and_hold)
{
    Corpus__Special__Reals m = CORPUS__SPECIAL__REALS__INIT, n;
    corpus__special__reals__init(&n);
    cr_expect(isinf(m.inf) && m.inf > 0 && isinf(m.minus) && m.minus < 0 && isnan(m.nan));
    cr_expect(isinf(n.finf) && n.finf > 0 && isinf(n.fminus) && n.fminus < 0 && isnan(n.fnan));
}

Test(generator, defaults_of_text_and_bytes_keep_every_byte)
{
    Corpus__Legacy__Defaults m = CORPUS__LEGACY__DEFAULTS__INIT;
    static const uint8_t bytes[] = { 0, 1, 2, '9', 0xff, '\'', '"', '?', '\\', 'n', '\n' };
    cr_expect_str_eq(m.a_string, "tab\t \"quoted\" 한글 ?"
                                 "?/ \\ 1\0012");
    cr_assert_eq(m.some_bytes.len, sizeof bytes);
    cr_expect_arr_eq(m.some_bytes.data, bytes, sizeof bytes);
    cr_expect_eq(m.an_int32, INT32_MIN);
    cr_expect_eq(m.an_int64, INT64_MIN);
    cr_expect_eq(m.a_uint64, UINT64_MAX);
    cr_expect_eq(m.level, CORPUS__LEGACY__LEVEL__HIGH);
    cr_expect_str_eq(m.userid, "camel");
}

/* ---- names that meet ------------------------------------------------------------------------ */

/* That this compiles is most of the test: each name of clash.proto has a member of its own. */
Test(generator, members_that_meet_get_a_trailing_underscore_and_stay_apart)
{
    Corpus__Clash__Members m = CORPUS__CLASH__MEMBERS__INIT, *back;
    Corpus__Clash__Keywords k = CORPUS__CLASH__KEYWORDS__INIT;
    Corpus__Special__Cases c = CORPUS__SPECIAL__CASES__INIT;
    int32_t one[] = { 1 }, two[] = { 2, 3 };
    uint8_t bytes[128];
    size_t n;
    m.base_ = 1;
    m.n_a = 1;
    m.a = one;
    m.n_a_ = 2;
    m.n_b = 3;
    m.n_b_ = 2;
    m.b_ = two;
    m.has_x = 1;
    m.has_x_ = 4;
    m.errno_ = 5;
    m.pick_case = 6;
    m.pick_case_ = CORPUS__CLASH__MEMBERS__PICK_ONE;
    m.one = 7;
    n = corpus__clash__members__pack(&m, bytes);
    back = corpus__clash__members__unpack(NULL, n, bytes);
    cr_assert(back != NULL);
    cr_expect(back->base_ == 1 && back->n_a == 1 && back->n_a_ == 2 && back->n_b == 3);
    cr_expect(back->n_b_ == 2 && back->b_[1] == 3 && back->has_x && back->x == 0);
    cr_expect(back->has_x_ == 4 && back->errno_ == 5 && back->pick_case == 6 && back->one == 7);
    corpus__clash__members__free_unpacked(back, NULL);
    k.int_ = 1;
    k.n_class_ = 0;
    k.has_bool_ = 1;
    k.this_ = NULL;
    k.enum_ = CORPUS__CLASH__KEYWORDS__ENUM__union;
    c.userid = 1;
    c.user_id = 2;
    c.userid_ = NULL;
    c.userid__ = (char *)"four";
    c.class_ = 5;
    c.class__ = 6;
    cr_expect(corpus__clash__keywords__get_packed_size(&k) > 0);
    cr_expect(corpus__special__cases__get_packed_size(&c) > 0);
    cr_expect_eq(CORPUS__CLASH__WHICH__KIND__NOT_SET_, 0);
}

Test(generator, types_that_meet_get_a_trailing_underscore_and_keep_their_names_in_the_proto)
{
    cr_expect_str_eq(corpus__clash__b__c__descriptor.name, "corpus.clash.B.C");
    cr_expect_str_eq(corpus__clash__b__c___descriptor.name, "corpus.clash.B_C");
    cr_expect_str_eq(corpus__clash__foo_bar__descriptor.name, "corpus.clash.FooBar");
    cr_expect_str_eq(corpus__clash__foo_bar___descriptor.name, "corpus.clash.Foo_bar");
    cr_expect_str_eq(corpus_clash_clash_get_start__method.path, "/corpus.clash.Clash/GetStart");
}

/* ---- the file itself ------------------------------------------------------------------------ */

/* json_name is in what plugins get and not in what protoc writes. */
static void drop_json_names(Google__Protobuf__DescriptorProto *m)
{
    for (size_t i = 0; i < m->n_field; i++) {
        m->field[i]->json_name = NULL;
    }
    for (size_t i = 0; i < m->n_extension; i++) {
        m->extension[i]->json_name = NULL;
    }
    for (size_t i = 0; i < m->n_nested_type; i++) {
        drop_json_names(m->nested_type[i]);
    }
}

static size_t normal(const uint8_t *bytes, size_t len, uint8_t *out)
{
    Google__Protobuf__FileDescriptorSet *set =
        google__protobuf__file_descriptor_set__unpack(NULL, len, bytes);
    size_t n;
    cr_assert(set != NULL && set->n_file > 0);
    for (size_t i = 0; i < set->n_file; i++) {
        Google__Protobuf__FileDescriptorProto *f = set->file[i];
        cr_expect_null(f->source_code_info);
        for (size_t k = 0; k < f->n_message_type; k++) {
            drop_json_names(f->message_type[k]);
        }
        for (size_t k = 0; k < f->n_extension; k++) {
            f->extension[k]->json_name = NULL;
        }
    }
    n = google__protobuf__file_descriptor_set__pack(set, out);
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    return n;
}

Test(generator, the_embedded_file_with_its_imports_is_what_protoc_describes)
{
    static uint8_t set[65536], ours[65536], theirs[65536];
    static const struct {
        const vitro_pb_file *file;
        const char *name;
    } files[] = {
        { &types_proto_file, "types.proto" },
        { &legacy_proto_file, "legacy.proto" },
        { &clash_proto_file, "clash.proto" },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct protoc p;
        char path[128];
        FILE *f;
        size_t n = vitro_pb_file_set(&files[i].file, 1, set, sizeof set), m;
        cr_assert(n <= sizeof set);
        n = normal(set, n, ours);
        protoc_init(&p);
        cr_assert_eq(protoc_shell(&p,
                                  "protoc -Itests/proto --include_imports "
                                  "--descriptor_set_out=%s/set %s 2>&1",
                                  p.dir, files[i].name),
                     0, "%s", p.output);
        snprintf(path, sizeof path, "%s/set", p.dir);
        f = fopen(path, "r");
        cr_assert(f != NULL);
        m = fread(set, 1, sizeof set, f);
        fclose(f);
        m = normal(set, m, theirs);
        cr_expect(n == m && !memcmp(ours, theirs, n), "%s differs", files[i].name);
        protoc_done(&p);
    }
}
