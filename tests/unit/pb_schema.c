/* The schema against what protoc says, and over bytes that no protoc wrote. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "google/protobuf/descriptor.vitro.h"
#include "pb/schema.h"
#include "pb/wire.h"
#include "pbtest.vitro.h"
#include "pbtest2.vitro.h"
#include "support/heap.h"
#include "support/seed.h"

enum { ROOM = 256 * 1024 };

static uint8_t space[ROOM];

static vitro_str str(const char *text)
{
    return vitro_str_of(text);
}

static bool is(vitro_str s, const char *text)
{
    return vitro_str_eq(s, str(text));
}

/* What protoc makes of descriptor.proto and plugin.proto. */
static vitro_bytes set_of_protoc(void)
{
    FILE *f = popen("protoc -I/usr/include -I/usr/local/include --include_imports "
                    "--descriptor_set_out=/dev/stdout google/protobuf/compiler/plugin.proto",
                    "r");
    size_t n = fread(space, 1, sizeof space, f);

    cr_assert(pclose(f) == 0 && n > 1000 && n < sizeof space);
    return (vitro_bytes){ space, n };
}

static struct pb_schema *schema_new(struct account *account)
{
    struct pb_schema *s;

    cr_assert(vitro_pb_schema_new(&s, account, NULL) == VITRO_OK);
    return s;
}

static struct pb_schema *schema_of(const vitro_pb_file *file)
{
    struct pb_schema *s = schema_new(NULL);
    size_t n = vitro_pb_file_set(&file, 1, space, ROOM);

    cr_assert(n <= ROOM);
    cr_assert(vitro_pb_schema_add_set(s, (vitro_bytes){ space, n }, NULL) == VITRO_OK);
    return s;
}

/* A message's fields here and in what protobuf-c read from the same bytes; counts messages. */
static size_t expect_message(const struct pb_schema *s, const char *scope,
                             const Google__Protobuf__DescriptorProto *d)
{
    char name[256];
    const struct pb_message_type *m;
    size_t count = 1;

    snprintf(name, sizeof name, "%s.%s", scope, d->name);
    m = vitro_pb_schema_message(s, str(name));
    cr_assert(m && is(m->name, name), "%s", name);
    cr_assert(m->field_count == d->n_field && m->oneof_count == d->n_oneof_decl);
    for (size_t i = 0; i < d->n_field; i++) {
        const Google__Protobuf__FieldDescriptorProto *f = d->field[i];
        const struct pb_field_type *t = vitro_pb_message_field(m, (uint32_t)f->number);

        cr_assert(t && is(t->name, f->name) && (int)t->type == (int)f->type, "%s", f->name);
        cr_assert((int)t->label == (int)f->label && is(t->json_name, f->json_name));
        cr_assert(!f->type_name || is(t->type_name, f->type_name + 1));
        cr_assert(t->has_default == !!f->default_value);
        cr_assert(t->packed == (f->options && f->options->packed), "%s", f->name);
        cr_assert(!t->message == (t->type != PB_TYPE_MESSAGE), "%s is resolved", f->name);
        cr_assert(!t->enum_type == (t->type != PB_TYPE_ENUM), "%s is resolved", f->name);
        cr_assert(vitro_pb_message_field_named(m, str(f->json_name)) == t);
    }
    for (size_t i = 0; i < d->n_nested_type; i++)
        count += expect_message(s, name, d->nested_type[i]);
    return count;
}

Test(pb_schema, agrees_with_protoc_about_descriptor_proto)
{
    vitro_bytes set = set_of_protoc();
    Google__Protobuf__FileDescriptorSet *theirs = (void *)protobuf_c_message_unpack(
        &google__protobuf__file_descriptor_set__descriptor, NULL, set.len, set.ptr);
    struct pb_schema *s = schema_new(NULL);
    size_t messages = 0, expected = 0;

    cr_assert(vitro_pb_schema_add_set(s, set, NULL) == VITRO_OK);
    cr_assert(theirs && theirs->n_file == 2);
    for (size_t i = 0; i < theirs->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *f = theirs->file[i];

        for (size_t k = 0; k < f->n_message_type; k++)
            expected += expect_message(s, f->package, f->message_type[k]);
    }
    while (vitro_pb_schema_message_at(s, messages))
        messages++;
    cr_assert(messages == expected && messages > 25, "%zu of %zu messages", messages, expected);
    cr_assert(
        vitro_pb_schema_enum(s, str("google.protobuf.FieldDescriptorProto.Type"))->value_count ==
        18);
    protobuf_c_message_free_unpacked(&theirs->base, NULL);
    vitro_pb_schema_free(s);
}

Test(pb_schema, knows_what_generated_code_embeds)
{
    struct pb_schema *s = schema_of(&pbtest_proto_file);
    const struct pb_message_type *all = vitro_pb_schema_message(s, str(".pbtest.All"));
    const struct pb_field_type *counts = vitro_pb_message_field(all, 61);
    const struct pb_enum_type *kind = vitro_pb_schema_enum(s, str("pbtest.Kind"));

    cr_assert(all && all->proto3 && is(all->file, "pbtest.proto"));
    cr_assert(counts->message && counts->message->map_entry);
    cr_assert(vitro_pb_message_field(all, 21)->packed && !vitro_pb_message_field(all, 30)->packed);
    cr_assert(!vitro_pb_message_field(all, 27)->packed, "strings are never packed");
    cr_assert(vitro_pb_message_field(all, 41)->proto3_optional);
    cr_assert(is(all->oneofs[vitro_pb_message_field(all, 51)->oneof], "pick"));
    cr_assert(vitro_pb_message_field(all, 1)->oneof == -1);
    cr_assert(is(vitro_pb_message_field(all, 42)->json_name, "maybeText"));
    cr_assert(vitro_pb_message_field(all, PB_NUMBER_MAX) && !vitro_pb_message_field(all, 999));
    cr_assert(is(vitro_pb_enum_value(kind, 1000)->name, "FAR"));
    cr_assert(is(vitro_pb_enum_value(kind, -1)->name, "BELOW") && !vitro_pb_enum_value(kind, 2));
    vitro_pb_schema_free(s);
}

Test(pb_schema, finds_a_method_by_its_path)
{
    struct pb_schema *s = schema_of(&pbtest_proto_file);
    const struct pb_method_type *both = vitro_pb_schema_method(s, str("/pbtest.Tests/Both"));
    const struct pb_method_type *watch = vitro_pb_schema_method(s, str("pbtest.Tests/Watch"));

    cr_assert(both && both->client_streaming && both->server_streaming);
    cr_assert(is(both->input->name, "pbtest.All") && is(both->output->name, "pbtest.Leaf"));
    cr_assert(watch && !watch->client_streaming && watch->server_streaming);
    cr_assert(!vitro_pb_schema_method(s, str("/pbtest.Tests/")));
    cr_assert(!vitro_pb_schema_method(s, str("/pbtest.Test/Both")));
    cr_assert(!vitro_pb_schema_method(s, str("Both")) && !vitro_pb_schema_method(s, str("/")));
    cr_assert(!vitro_pb_schema_method(s, str("")));
    vitro_pb_schema_free(s);
}

Test(pb_schema, defaults_and_requirements_of_proto2_are_known)
{
    struct pb_schema *s = schema_of(&pbtest2_proto_file);
    const struct pb_message_type *m = vitro_pb_schema_message(s, str("pbtest2.Strict"));

    cr_assert(!m->proto3 && vitro_pb_message_field(m, 1)->label == PB_REQUIRED);
    cr_assert(is(vitro_pb_message_field(m, 4)->default_value, "hi"));
    cr_assert(!vitro_pb_message_field(m, 7)->packed);
    vitro_pb_schema_free(s);
}

Test(pb_schema, the_same_file_twice_is_one)
{
    struct pb_schema *s = schema_of(&pbtest_proto_file);
    const struct pb_message_type *all = vitro_pb_schema_message(s, str("pbtest.All"));
    vitro_bytes file = { pbtest_proto_file.descriptor, pbtest_proto_file.descriptor_len };

    cr_assert(vitro_pb_schema_add_file(s, file, NULL) == VITRO_OK);
    cr_assert(vitro_pb_schema_message(s, str("pbtest.All")) == all);
    vitro_pb_schema_free(s);
}

Test(pb_schema, a_type_that_comes_later_is_found_then)
{
    /* a.proto: message A { B b = 1; }, b.proto: message B {}; no package */
    static const char a[] = "\x0a\x01"
                            "a"
                            "\x22\x10\x0a\x01"
                            "A"
                            "\x12\x0b\x0a\x01"
                            "b"
                            "\x18\x01\x28\x0b\x32\x02.B";
    static const char b[] = "\x0a\x01"
                            "b"
                            "\x22\x03\x0a\x01"
                            "B";
    struct pb_schema *s = schema_new(NULL);
    const struct pb_message_type *m;

    cr_assert(
        !vitro_pb_schema_add_file(s, (vitro_bytes){ (const uint8_t *)a, sizeof a - 1 }, NULL));
    m = vitro_pb_schema_message(s, str("A"));
    cr_assert(m && m->field_count == 1 && !m->fields[0].message);
    cr_assert(
        !vitro_pb_schema_add_file(s, (vitro_bytes){ (const uint8_t *)b, sizeof b - 1 }, NULL));
    cr_assert(m->fields[0].message == vitro_pb_schema_message(s, str("B")));
    vitro_pb_schema_free(s);
}

Test(pb_schema, a_type_of_a_lower_rank_takes_the_place_of_the_one_before_also_where_it_is_meant)
{
    /* a.proto: message A { B b = 1; }, message B {}; then, by the same name: message B { bool c =
     * 1; } */
    static const char all[] = "\x0a\x01"
                              "a"
                              "\x22\x10\x0a\x01"
                              "A"
                              "\x12\x0b\x0a\x01"
                              "b"
                              "\x18\x01\x28\x0b\x32\x02.B\x22\x03\x0a\x01"
                              "B";
    static const char better[] = "\x0a\x01"
                                 "a"
                                 "\x22\x0c\x0a\x01"
                                 "B"
                                 "\x12\x07\x0a\x01"
                                 "c"
                                 "\x18\x01\x28\x08";
    struct pb_schema *s = schema_new(NULL);
    const struct pb_message_type *m;

    vitro_pb_schema_rank(s, 1);
    cr_assert(
        !vitro_pb_schema_add_file(s, (vitro_bytes){ (const uint8_t *)all, sizeof all - 1 }, NULL));
    m = vitro_pb_schema_message(s, str("A"));
    cr_assert(m && m->fields[0].message && !m->fields[0].message->field_count);
    vitro_pb_schema_rank(s, 0);
    cr_assert(!vitro_pb_schema_add_file(
        s, (vitro_bytes){ (const uint8_t *)better, sizeof better - 1 }, NULL));
    cr_assert(m == vitro_pb_schema_message(s, str("A")));
    cr_assert(m->fields[0].message == vitro_pb_schema_message(s, str("B")));
    cr_assert(m->fields[0].message->field_count == 1);
    vitro_pb_schema_rank(s, 1);
    cr_assert(
        !vitro_pb_schema_add_file(s, (vitro_bytes){ (const uint8_t *)all, sizeof all - 1 }, NULL));
    cr_assert(vitro_pb_schema_message(s, str("B"))->field_count == 1);
    vitro_pb_schema_free(s);
}

static void ask_everything(const struct pb_schema *s)
{
    const struct pb_message_type *m;
    const struct pb_service_type *service;

    for (size_t i = 0; (m = vitro_pb_schema_message_at(s, i)); i++) {
        cr_assert(vitro_pb_schema_message(s, m->name) == m || m->name.ptr[0] == '.');
        for (size_t k = 0; k < m->field_count; k++)
            cr_assert(vitro_pb_message_field(m, m->fields[k].number));
    }
    for (size_t i = 0; (service = vitro_pb_schema_service_at(s, i)); i++)
        cr_assert(vitro_pb_schema_service(s, service->name) || service->name.ptr[0] == '.');
}

Test(pb_schema, damaged_descriptors_are_errors_within_the_budget)
{
    struct chance c = seed_chance();
    const vitro_pb_file *file = &pbtest_proto_file;
    static uint8_t bytes[16 * 1024];
    size_t sound = 0, refused = 0;

    for (size_t i = 0; i < 3000; i++) {
        struct account account;
        struct pb_schema *s;
        size_t n = vitro_pb_file_set(&file, 1, bytes, sizeof bytes);
        vitro_code rc;

        vitro_account_init(&account, NULL, 64 * 1024);
        s = schema_new(&account);
        for (size_t k = seed_between(&c, 1, 4); k; k--)
            bytes[vitro_chance_below(&c, n)] = (uint8_t)vitro_chance_next(&c);
        n = vitro_chance_below(&c, 5) ? n : vitro_chance_below(&c, n);
        rc = vitro_pb_schema_add_set(s, (vitro_bytes){ bytes, n }, NULL);
        cr_assert(rc == VITRO_OK || rc == VITRO_INVALID_ARGUMENT || rc == VITRO_RESOURCE_EXHAUSTED);
        sound += !rc;
        refused += !!rc;
        ask_everything(s);
        vitro_pb_schema_free(s);
        cr_assert(account.used == 0 && account.live == 0, SEED_TEXT, seed_of_run(), i);
    }
    cr_assert(sound > 20 && refused > 20, "%zu sound, %zu refused", sound, refused);
}

Test(pb_schema, a_damaged_file_leaves_nothing_and_the_ones_before_it_stay)
{
    struct pb_schema *s = schema_new(NULL);
    const vitro_pb_file *file = &pbtest2_proto_file;
    size_t n = vitro_pb_file_set(&file, 1, space, ROOM);
    vitro_error err = { 0 };

    memcpy(space + n,
           "\x0a\x05\x22\x03\x0a\x09"
           "B",
           7);
    cr_assert(vitro_pb_schema_add_set(s, (vitro_bytes){ space, n + 7 }, &err) ==
              VITRO_INVALID_ARGUMENT);
    cr_assert(err.frame[0].text[0]);
    cr_assert(vitro_pb_schema_message(s, str("pbtest2.Strict")) != NULL);
    cr_assert(!vitro_pb_schema_message_at(s, 2), "Strict and Holder");
    vitro_pb_schema_free(s);
}

Test(pb_schema, every_allocation_may_fail)
{
    const vitro_pb_file *file = &pbtest_proto_file;
    size_t n = vitro_pb_file_set(&file, 1, space, ROOM);
    struct heap heap = { 0 };
    vitro_code rc = VITRO_RESOURCE_EXHAUSTED;

    heap_install(&heap);
    for (size_t fail_at = 1; rc; fail_at++) {
        struct pb_schema *s;

        heap.calls = 0;
        heap.fail_at = fail_at;
        rc = vitro_pb_schema_new(&s, NULL, NULL);
        if (!rc)
            rc = vitro_pb_schema_add_set(s, (vitro_bytes){ space, n }, NULL);
        cr_assert(rc == VITRO_OK || rc == VITRO_RESOURCE_EXHAUSTED);
        vitro_pb_schema_free(s);
        cr_assert(heap.live == 0);
    }
    heap_remove();
}

Test(pb_schema, a_set_holds_each_file_once_and_imports_first)
{
    static const uint8_t one[] = { 0x0a, 1, 'x' }, two[] = { 0x0a, 1, 'y' };
    static const vitro_pb_file x = { sizeof x, "x", one, sizeof one, NULL };
    static const vitro_pb_file *const deps[] = { &x, NULL };
    static const vitro_pb_file y = { sizeof y, "y", two, sizeof two, deps };
    static const vitro_pb_file z = { sizeof z, "x", one, sizeof one, NULL };
    const vitro_pb_file *files[] = { &y, &x, &z };
    uint8_t out[16];

    cr_assert(vitro_pb_file_set(files, 3, NULL, 0) == 10);
    cr_assert(vitro_pb_file_set(files, 3, out, sizeof out) == 10);
    cr_assert(memcmp(out, "\x0a\x03\x0a\x01x\x0a\x03\x0a\x01y", 10) == 0);
}
