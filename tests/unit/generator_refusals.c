/*
 * generator_refusals - what protoc-gen-vitro says about a .proto that it cannot generate, and
 * what it writes for parameters.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/protoc.h"

struct refusal {
    const char *text;   /* of a.proto */
    const char *params; /* of the generator */
    const char *says;   /* a part of the output */
};

static const struct refusal refusals[] = {
    { "syntax = \"proto2\";\nmessage M {\n  optional group G = 1 {\n    optional int32 a = 2;\n"
      "  }\n}\n",
      "", "a.proto:3: field g of M is a group; " },
    { "syntax = \"proto2\";\npackage p.q;\nmessage M {\n  message N {\n\n"
      "    repeated group G = 1 {}\n  }\n}\n",
      "", "a.proto:6: field g of p.q.M.N is a group; " },
    { "syntax = \"proto2\";\n\nmessage Set {\n  option message_set_wire_format = true;\n"
      "  extensions 4 to max;\n}\n",
      "", "a.proto:3: Set asks for message_set_wire_format" },
    { "syntax = \"proto3\";\nmessage M {}\nservice Ab { }\nservice ab { }\n", "",
      "a.proto:4: service ab has the same name in C as another one" },
    { "syntax = \"proto3\";\nmessage M {}\nservice S {\n  rpc GetA(M) returns (M);\n"
      "  rpc get_a(M) returns (M);\n}\n",
      "", "a.proto:5: method get_a has the same name in C as another one" },
    { "syntax = \"proto3\";\nimport \"protobuf-c/protobuf-c.proto\";\nmessage M {}\n", "",
      "a.proto:2: the options of protobuf-c.proto change names" },
    { "syntax = \"proto3\";\nmessage M {}\n", "stubs=all,color=red",
      "unknown parameter 'color=red'; there are messages=own, messages=external" },
    { "syntax = \"proto3\";\nmessage M {}\n", "symbols=1x", "unknown parameter 'symbols=1x'" },
    { "syntax = \"proto3\";\nmessage M {}\n", "messages=external,symbols=x_",
      "symbols=PREFIX does not go with messages=external" },
    { "syntax = \"proto3\";\nmessage M {}\n", "messages", "unknown parameter 'messages'" },
};

Test(generator, what_is_refused_is_named_with_file_and_line_and_nothing_is_written)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct protoc p;
        char *header;
        protoc_init(&p);
        protoc_file(&p, "protobuf-c/protobuf-c.proto",
                    "syntax = \"proto2\";\npackage pb_c;\nmessage O {}\n");
        protoc_file(&p, "a.proto", r->text);
        protoc_run(&p, r->params, "a.proto");
        cr_expect(p.status != 0, "refusal %zu: protoc ended with 0", i);
        cr_expect(strstr(p.output, r->says) != NULL, "refusal %zu: %s", i, p.output);
        header = protoc_read(&p, "a.vitro.h");
        cr_expect(header == NULL, "refusal %zu: a header was written", i);
        free(header);
        protoc_done(&p);
    }
}

Test(generator, a_group_that_is_only_imported_is_no_reason_to_refuse)
{
    struct protoc p;
    char *header;
    protoc_init(&p);
    protoc_file(
        &p, "b.proto",
        "syntax = \"proto2\";\nmessage B { optional group G = 1 {} extensions 100 to 200; }\n"
        "message C {}\n");
    protoc_file(&p, "a.proto",
                "syntax = \"proto2\";\nimport \"b.proto\";\nmessage A { optional C c = 1; }\n"
                "extend B { optional int32 more = 100; }\n");
    protoc_run(&p, "", "a.proto");
    cr_expect_eq(p.status, 0, "%s", p.output);
    header = protoc_read(&p, "a.vitro.h");
    cr_assert(header != NULL);
    cr_expect(strstr(header, "#include \"b.vitro.h\"") != NULL);
    free(header);
    protoc_done(&p);
}

/* protoc itself asks plugins for editions first; a request that says "editions" by hand. */
Test(generator, a_request_with_an_edition_is_refused)
{
    struct protoc p;
    protoc_init(&p);
    /* CodeGeneratorRequest{ file_to_generate: "a.proto"
     *                       proto_file { name: "a.proto" syntax: "editions" } } */
    cr_expect_eq(protoc_shell(&p, "printf '\\012\\007a.proto\\172\\023\\012\\007a.proto"
                                  "\\142\\010editions' | build/bin/protoc-gen-vitro"),
                 0);
    cr_expect(strstr(p.output, "a.proto: editions is not supported; write syntax") != NULL, "%s",
              p.output);
    protoc_done(&p);
}

Test(generator, a_request_that_is_none_ends_with_one_line_and_status_3)
{
    struct protoc p;
    protoc_init(&p);
    cr_expect_eq(protoc_shell(&p, "printf '\\377\\377\\377' | build/bin/protoc-gen-vitro 2>&1"), 3);
    cr_expect_str_eq(p.output,
                     "protoc-gen-vitro: stdin: not a CodeGeneratorRequest; let protoc run it\n");
    cr_expect_eq(protoc_shell(&p, "build/bin/protoc-gen-vitro --help </dev/null"), 0);
    cr_expect(strstr(p.output, "--vitro_out=") != NULL);
    cr_expect_eq(protoc_shell(&p, "build/bin/protoc-gen-vitro a.proto 2>&1 </dev/null"), 2);
    protoc_done(&p);
}

static const char with_service[] = "syntax = \"proto3\";\npackage p;\n"
                                   "// About */ M /* here.\nmessage M {\n"
                                   "  // Before a.\n  int32 a = 1;  // Behind a.\n}\n"
                                   "// About S.\nservice S {\n  // About Get.\n"
                                   "  rpc Get(M) returns (M);\n}\n";

Test(generator, parameters_choose_what_is_written)
{
    static const struct {
        const char *params;
        bool messages, stubs;
    } rows[] = {
        { "", true, true },
        { "messages=own,stubs=all", true, true },
        { "stubs=none", true, false },
        { "messages=external", false, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct protoc p;
        char *header;
        protoc_init(&p);
        protoc_file(&p, "dir/a.proto", with_service);
        protoc_run(&p, rows[i].params, "dir/a.proto");
        cr_assert_eq(p.status, 0, "%s", p.output);
        header = protoc_read(&p, "dir/a.vitro.h");
        cr_assert(header != NULL);
        cr_expect_eq(strstr(header, "struct P__M {") != NULL, rows[i].messages);
        cr_expect_eq(strstr(header, "p_s_get(") != NULL, rows[i].stubs);
        cr_expect_eq(strstr(header, "#include <vitro/stub.h>") != NULL, rows[i].stubs);
        cr_expect_eq(strstr(header, "#include \"dir/a.pb-c.h\"") != NULL, !rows[i].messages);
        cr_expect(strstr(header, "extern const vitro_pb_file dir_a_proto_file;") != NULL);
        free(header);
        protoc_done(&p);
    }
}

Test(generator, all_symbols_of_a_file_begin_with_the_prefix_that_was_asked_for)
{
    struct protoc p;
    protoc_init(&p);
    protoc_file(
        &p, "a.proto",
        "syntax = \"proto2\";\npackage p;\nenum E { A = 1; }\nmessage M {\n"
        "  optional string s = 1 [default = \"x\"];\n  optional bytes b = 2 [default = \"y\"];\n"
        "  optional E e = 3;\n  map<string, M> m = 4;\n  oneof o { int32 c = 5; }\n}\n"
        "service S { rpc Get(M) returns (stream M); }\n");
    protoc_run(&p, "symbols=mine_", "a.proto");
    cr_assert_eq(p.status, 0, "%s", p.output);
    cr_assert_eq(
        protoc_shell(&p, "cc -w -Ilib/include -I%s -c -o %s/a.o %s/a.vitro.c", p.dir, p.dir, p.dir),
        0, "%s", p.output);
    cr_assert_eq(protoc_shell(&p, "nm -g --defined-only %s/a.o | grep -c ' mine_'", p.dir), 0);
    cr_expect_neq(protoc_shell(&p, "nm -g --defined-only %s/a.o | grep -v ' mine_'", p.dir), 0,
                  "%s", p.output);
    protoc_done(&p);
}

Test(generator, comments_of_the_proto_are_carried_into_the_header)
{
    static const char *const expected[] = {
        "/**\n * About * / M / * here.\n */\nstruct P__M {",
        "    /**\n     * Before a.\n     *\n     * Behind a.\n     */\n    int32_t a;",
        "/**\n * About S.\n */",
        "/**\n * About Get.\n *\n",
    };
    struct protoc p;
    char *header;
    protoc_init(&p);
    protoc_file(&p, "a.proto", with_service);
    protoc_run(&p, "", "a.proto");
    header = protoc_read(&p, "a.vitro.h");
    cr_assert(header != NULL, "%s", p.output);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_expect(strstr(header, expected[i]) != NULL, "no %s in\n%s", expected[i], header);
    }
    free(header);
    protoc_done(&p);
}

Test(generator, a_file_has_an_identifier_of_its_own_whatever_its_path)
{
    static const char *const rows[][2] = {
        { "3d.proto", "vitro_pb_file proto_3d_proto_file;" },
        { "a/b_c.proto", "vitro_pb_file a_b__c_proto_file;" },
        { "a_b/c.proto", "vitro_pb_file a__b_c_proto_file;" },
        { "x-y.z.proto", "vitro_pb_file x_2dy_z_proto_file;" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct protoc p;
        char *header, name[64];
        protoc_init(&p);
        protoc_file(&p, rows[i][0], "syntax = \"proto3\";\n// \u202e.\nmessage M {}\n");
        protoc_run(&p, "", rows[i][0]);
        snprintf(name, sizeof name, "%.*s.vitro.h", (int)strlen(rows[i][0]) - 6, rows[i][0]);
        header = protoc_read(&p, name);
        cr_assert(header != NULL, "%s", p.output);
        cr_expect(strstr(header, rows[i][1]) != NULL, "%s", header);
        cr_expect(strstr(header, "\u202e") == NULL && strstr(header, " * .\n") != NULL);
        free(header);
        protoc_done(&p);
    }
}

Test(generator, the_same_proto_gives_the_same_bytes)
{
    struct protoc p, q;
    char *a, *b;
    protoc_init(&p);
    protoc_init(&q);
    protoc_file(&p, "a.proto", with_service);
    protoc_file(&q, "a.proto", with_service);
    protoc_run(&p, "", "a.proto");
    protoc_run(&q, "", "a.proto");
    a = protoc_read(&p, "a.vitro.c");
    b = protoc_read(&q, "a.vitro.c");
    cr_assert(a && b);
    cr_expect_str_eq(a, b);
    free(a);
    free(b);
    protoc_done(&p);
    protoc_done(&q);
}
