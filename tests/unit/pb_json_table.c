/* JSON of messages: what the mapping says, by example; what is refused, and where. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/util.h"
#include "support/json_schema.h"

TestSuite(pb_json_table);

static struct json_schema s;

#define KNOWN "jsontest.Known"
#define NAMES "jsontest.Names"
#define ALL   "pbtest.All"

/* What is read, and what is written for it; NULL: the same text. */
static const struct {
    const char *type, *in, *out;
} accepted[] = {
    /* names, null, presence */
    { NAMES, "{\"snakeCaseName\":1,\"renamed\":2}", NULL },
    { NAMES, "{\"snake_case_name\":1,\"other\":2}", "{\"snakeCaseName\":1,\"renamed\":2}" },
    { ALL, "{\"i32\":null,\"sts\":null,\"leaf\":null,\"pickText\":null,\"counts\":null}", "{}" },
    { ALL, "{\"i32\":0,\"st\":\"\",\"by\":\"\",\"bo\":false,\"en\":\"NONE\",\"db\":0}", "{}" },
    { ALL, "{\"maybe\":0,\"maybeText\":\"\",\"maybeBool\":false,\"leaf\":{}}",
      "{\"leaf\":{},\"maybe\":0,\"maybeText\":\"\",\"maybeBool\":false}" },
    { ALL, "{\"pickNumber\":0}", NULL },
    { ALL, "{\"pickText\":null,\"pickNumber\":1}", "{\"pickNumber\":1}" },
    { ALL, " {\n\t\"i32\" : 1 } ", "{\"i32\":1}" },
    /* numbers */
    { ALL, "{\"i32\":-2147483648,\"s32\":2147483647,\"u32\":4294967295}", NULL },
    { ALL, "{\"i32\":\"-2147483648\",\"u32\":\"4294967295\"}",
      "{\"i32\":-2147483648,\"u32\":4294967295}" },
    { ALL, "{\"i32\":1e3,\"s32\":1.0,\"sf32\":\"1e2\"}", "{\"i32\":1000,\"s32\":1,\"sf32\":100}" },
    { ALL, "{\"i64\":\"-9223372036854775808\",\"u64\":\"18446744073709551615\"}", NULL },
    { ALL, "{\"i64\":-9223372036854775808,\"u64\":9223372036854775807}",
      "{\"i64\":\"-9223372036854775808\",\"u64\":\"9223372036854775807\"}" },
    { ALL, "{\"s64\":\"-1\",\"sf64\":\"-2\",\"f64\":\"3\",\"f32\":4,\"sf32\":-5}",
      "{\"sf32\":-5,\"s64\":\"-1\",\"sf64\":\"-2\",\"f32\":4,\"f64\":\"3\"}" },
    { ALL, "{\"fl\":\"NaN\",\"db\":\"-Infinity\"}", NULL },
    { ALL, "{\"fl\":3.4028235e38,\"db\":1.7976931348623157e308}",
      "{\"fl\":3.4028235e+38,\"db\":1.7976931348623157e+308}" },
    { ALL, "{\"db\":\"1.5\",\"fl\":\"0.1\"}", "{\"fl\":0.1,\"db\":1.5}" },
    { ALL, "{\"db\":-0.0,\"fl\":1}", "{\"fl\":1,\"db\":-0.0}" },
    /* enums, strings, bytes */
    { ALL, "{\"en\":\"FAR\",\"ens\":[\"BELOW\",1000,77]}",
      "{\"en\":\"FAR\",\"ens\":[\"BELOW\",\"FAR\",77]}" },
    { ALL, "{\"st\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uD83D\\ude08\xea\xb0\x80\"}",
      "{\"st\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\xf0\x9f\x98\x88\xea\xb0\x80\"}" },
    { ALL, "{\"st\":\"\\u0000\\u007f\\u202e\"}", NULL },
    { ALL, "{\"by\":\"-_8\",\"bys\":[\"AA\",\"AA==\",\"\",\"+/8=\"]}",
      "{\"by\":\"+/8=\",\"bys\":[\"AA==\",\"AA==\",\"\",\"+/8=\"]}" },
    /* lists and maps */
    { ALL, "{\"i32s\":[],\"sts\":[],\"counts\":{}}", "{}" },
    { ALL, "{\"i32s\":[1,-1],\"loose\":[1,2],\"dbs\":[0.5],\"leaves\":[{},{\"name\":\"x\"}]}",
      "{\"i32s\":[1,-1],\"dbs\":[0.5],\"leaves\":[{},{\"name\":\"x\"}],\"loose\":[1,2]}" },
    { ALL, "{\"counts\":{\"b\":1,\"a\":0},\"byNumber\":{\"10\":{},\"-3\":{\"name\":\"x\"}}}",
      "{\"counts\":{\"a\":0,\"b\":1},\"byNumber\":{\"-3\":{\"name\":\"x\"},\"10\":{}}}" },
    { NAMES, "{\"byBool\":{\"true\":1,\"false\":0},\"byUint32\":{\"4294967295\":\"\"}}",
      "{\"byBool\":{\"false\":0,\"true\":1},\"byUint32\":{\"4294967295\":\"\"}}" },
    { NAMES,
      "{\"bySint64\":{\"-9223372036854775808\":true},\"kinds\":{\"\":\"FAR\"},"
      "\"byFixed64\":{\"18446744073709551615\":\"AA==\"}}",
      NULL },
    /* types with a JSON of their own */
    { KNOWN, "{\"time\":\"1972-01-01T10:00:20.021Z\",\"duration\":\"1.212s\"}", NULL },
    { KNOWN, "{\"time\":\"2024-02-29T23:59:59.999999999+14:00\",\"duration\":\"-0.5s\"}",
      "{\"time\":\"2024-02-29T09:59:59.999999999Z\",\"duration\":\"-0.500s\"}" },
    { KNOWN, "{\"time\":\"1970-01-01T00:00:00Z\",\"duration\":\"0s\"}", NULL },
    { KNOWN, "{\"time\":\"0001-01-01T00:00:00Z\",\"duration\":\"315576000000s\"}", NULL },
    { KNOWN, "{\"time\":\"9999-12-31T23:59:59.999999999Z\"}", NULL },
    { KNOWN, "{\"mask\":\"user.displayName,photo\"}", NULL },
    { KNOWN, "{\"mask\":\"\"}", NULL },
    { KNOWN, "{\"object\":{\"a\":[1,null,\"s\",true,{\"b\":{}}],\"z\":0}}", NULL },
    { KNOWN, "{\"object\":{}}", NULL },
    { KNOWN, "{\"value\":null}", NULL },
    { KNOWN, "{\"value\":[]}", NULL },
    { KNOWN, "{\"values\":[null,1,\"x\",false,{},[[]]],\"list\":[1e300,-1]}",
      "{\"list\":[1e+300,-1],\"values\":[null,1,\"x\",false,{},[[]]]}" },
    { KNOWN, "{\"byName\":{\"a\":null,\"b\":{\"c\":2}}}", NULL },
    { KNOWN, "{\"null\":null,\"empty\":{}}", "{\"empty\":{}}" },
    { NAMES, "{\"nothing\":null}", NULL },
    { KNOWN,
      "{\"aDouble\":0,\"aFloat\":1.5,\"anInt64\":\"0\",\"aUint64\":\"1\",\"anInt32\":-1,"
      "\"aUint32\":0,\"aBool\":false,\"aString\":\"\",\"someBytes\":\"\"}",
      NULL },
    { KNOWN, "{\"aDouble\":null,\"time\":null,\"any\":null}", "{}" },
    { KNOWN, "{\"any\":{\"name\":\"x\",\"@type\":\"type.googleapis.com/pbtest.Leaf\"}}",
      "{\"any\":{\"@type\":\"type.googleapis.com/pbtest.Leaf\",\"name\":\"x\"}}" },
    { KNOWN,
      "{\"any\":{\"@type\":\"type.googleapis.com/google.protobuf.Duration\","
      "\"value\":\"1.212s\"}}",
      NULL },
    { KNOWN,
      "{\"any\":{\"@type\":\"x/google.protobuf.Any\",\"value\":{\"@type\":"
      "\"y/pbtest.Leaf\"}}}",
      NULL },
    { KNOWN, "{\"any\":{},\"anys\":[{}]}", NULL },
    { KNOWN, "{\"any\":{\"@type\":\"x/not.Known\",\"@value\":\"AQI=\"}}", NULL },
    { "google.protobuf.Timestamp", "\"2025-09-20T00:00:00Z\"", NULL },
    { "google.protobuf.Value", "[1,{\"a\":\"b\"}]", NULL },
    { "google.protobuf.StringValue", "\"x\"", NULL },
};

Test(pb_json_table, what_the_mapping_says)
{
    json_schema_open(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        const struct pb_message_type *type = json_schema_type(&s, accepted[i].type);
        const char *out = accepted[i].out ? accepted[i].out : accepted[i].in;

        cr_assert(json_schema_read(&s, type, vitro_str_of(accepted[i].in)) == VITRO_OK,
                  "%s: %s: %s", accepted[i].in, s.error.frame[1].text, s.error.frame[0].text);
        cr_assert(json_schema_write(&s, type, vitro_buf_bytes(&s.bytes)) == VITRO_OK, "%s: %s",
                  accepted[i].in, s.error.frame[0].text);
        cr_assert_str_eq((char *)s.text.ptr, out);
    }
    json_schema_close(&s);
}

static const struct {
    const char *type, *in, *where, *what;
} refused[] = {
    { ALL, "", "line 1, column 1", "end of file" },
    { ALL, "{\"i32\":1", "line 1, column 9", "near end of file" },
    { ALL, "{\"i32\":1}}", "line 1, column 10", "end of file expected" },
    { ALL, "{\n  \"i32\": oops\n}", "line 2, column 10", "oops" },
    { ALL, "{\"i32\":1,\"i32\":2}", "line 1, column 10", "duplicate" },
    { ALL, "{\"i32\":01}", "line 1, column 8", "invalid token" },
    { ALL, "{\"st\":\"\xff\"}", "line 1, column", "unable to decode byte 0xff" },
    { ALL, "{\"st\":\"\\ud800\"}", "line 1, column 7", "invalid Unicode" },
    { ALL, "[]", "line 1, column 1", "an object is needed, not a list" },
    { ALL, "{\"leaf\":{\n\"name\":\"x\",\n \"nope\":1}}", "line 3, column 2, at leaf.nope",
      "pbtest.Leaf has no such field; it has name, value, list, deeper" },
    { ALL, "{\"i32\":1.5}", "line 1, column 8, at i32", "a whole number" },
    { ALL, "{\"i32\":2147483648}", "at i32", "too large for int32" },
    { ALL, "{\"u32\":-1}", "at u32", "cannot be negative" },
    { ALL, "{\"u32\":4294967296}", "at u32", "too large for uint32" },
    { ALL, "{\"i64\":\"9223372036854775808\"}", "at i64", "too large for int64" },
    { ALL, "{\"u64\":\"18446744073709551616\"}", "at u64", "a whole number" },
    { ALL, "{\"u64\":9223372036854775808}", "line 1, column 8", "write it as a string" },
    { ALL, "{\"i32\":\" 1\"}", "at i32", "a number is needed, not this string" },
    { ALL, "{\"i32\":\"1 \"}", "at i32", "a number is needed" },
    { ALL, "{\"i32\":\"\"}", "at i32", "a number is needed" },
    { ALL, "{\"i32\":\"0x10\"}", "at i32", "a number is needed" },
    { ALL, "{\"i32\":true}", "at i32", "a number is needed, not true" },
    { ALL, "{\"fl\":3.5e38}", "at fl", "too large for float" },
    { ALL, "{\"db\":\"nan\"}", "at db", "a number is needed" },
    { ALL, "{\"db\":1e999}", "line 1, column 7", "real number overflow" },
    { ALL, "{\"bo\":1}", "at bo", "true or false" },
    { ALL, "{\"bo\":\"true\"}", "at bo", "true or false" },
    { ALL, "{\"en\":\"NOPE\"}", "line 1, column 7, at en",
      "pbtest.Kind has no such value; it has BELOW, NONE, FIRST, FAR" },
    { ALL, "{\"en\":1.5}", "at en", "a whole number" },
    { ALL, "{\"st\":1}", "at st", "a string is needed, not a number" },
    { ALL, "{\"by\":\"a\"}", "at by", "not base64" },
    { ALL, "{\"by\":\"a*==\"}", "at by", "not base64" },
    { ALL, "{\"i32s\":1}", "at i32s", "a list is needed, not a number" },
    { ALL, "{\"i32s\":[1,{\"a\":[\"]\"]},null]}", "line 1, column 12, at i32s[1]", "a number" },
    { ALL, "{\"sts\":[\"a\",null]}", "line 1, column 13, at sts[1]", "null cannot stand" },
    { ALL, "{\"counts\":{\"a\":1,\"b\":null}}", "at counts.b", "null cannot stand" },
    { ALL, "{\"byNumber\":{\"x\":{}}}", "line 1, column 18, at byNumber.x", "the key is a number" },
    { ALL, "{\"leaves\":[{},{\"value\":[]}]}", "line 1, column 24, at leaves[1].value",
      "not a list" },
    { ALL, "{\"pickText\":\"x\",\"pickNumber\":1}", "at pickText", "only one of oneof pick" },
    { NAMES, "{\"renamed\":1,\"other\":1}", "line 1, column 14, at other", "given twice" },
    { NAMES, "{\"byBool\":{\"1\":1}}", "at byBool.1", "the key is a bool" },
    { NAMES, "{\"kinds\":{\"\\u0061\\n\":\"x\"}}", "line 1, column 22", "no such value" },
    { KNOWN, "{\"time\":\"2025-02-29T00:00:00Z\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"2025-01-01T00:00:00\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"2025-01-01t00:00:00Z\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"2025-01-01T00:00:00.Z\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"2025-01-01T24:00:00Z\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"0000-01-01T00:00:00Z\"}", "at time", "a time is needed" },
    { KNOWN, "{\"time\":\"0001-01-01T00:00:00+00:01\"}", "at time", "a time is needed" },
    { KNOWN, "{\"duration\":\"1\"}", "at duration", "a duration is needed" },
    { KNOWN, "{\"duration\":\"315576000001s\"}", "at duration", "a duration is needed" },
    { KNOWN, "{\"mask\":\"foo_bar\"}", "at mask", "lowerCamelCase" },
    { KNOWN, "{\"object\":[]}", "at object", "an object is needed" },
    { KNOWN, "{\"list\":{}}", "at list", "a list is needed" },
    { KNOWN, "{\"any\":{\"name\":\"x\"}}", "at any", "\"@type\" is missing" },
    { KNOWN, "{\"any\":{\"@type\":\"x/not.Known\"}}", "line 1, column 9, at any.@type",
      "the schema lacks this type" },
    { KNOWN, "{\"any\":{\"@type\":\"x/pbtest.Leaf\",\"nope\":1}}", "at any.nope", "no such field" },
    { KNOWN, "{\"any\":{\"@type\":\"x/google.protobuf.Duration\"}}", "at any", "\"value\"" },
    { KNOWN, "{\"empty\":{\"a\":1}}", "at empty.a", "google.protobuf.Empty has no such field" },
};

Test(pb_json_table, what_is_refused_says_what_and_where)
{
    json_schema_open(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const struct pb_message_type *type = json_schema_type(&s, refused[i].type);

        cr_assert(json_schema_read(&s, type, vitro_str_of(refused[i].in)) == VITRO_INVALID_ARGUMENT,
                  "%s is refused", refused[i].in);
        cr_assert(strstr(s.error.frame[1].text, refused[i].where), "%s: \"%s\" is not %s",
                  refused[i].in, s.error.frame[1].text, refused[i].where);
        cr_assert(strstr(s.error.frame[0].text, refused[i].what), "%s: \"%s\" is not %s",
                  refused[i].in, s.error.frame[0].text, refused[i].what);
    }
    json_schema_close(&s);
}

/* ---- bytes that no JSON is for -------------------------------------------------------------- */

static const struct {
    const char *type, *bytes;
    size_t len;
    const char *what;
} unwritable[] = {
    { ALL, "\x08", 1, "varint is cut off at byte 1" },
    { ALL, "\x0c", 1, "end tag of a group that is not open" },
    { ALL, "\x7a\x01\xff", 3, "a string is not UTF-8" },
    { ALL, "\xba\x01\x03\x00\x00\x00", 6, "list ends inside" },
    { ALL, "\x8a\x01\x02\x0a\x05", 5, "length reaches past the end" },
    { KNOWN, "\x12\x02\x10\xff", 4, "varint is cut off" },
    { KNOWN, "\x12\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, "out of range" },
    { KNOWN, "\x1a\x04\x08\x01\x10\x80", 6, "varint is cut off" },
    { KNOWN, "\x22\x05\x0a\x03\x61\x5f\x41", 7, "lower_snake_case" },
    { KNOWN, "\x32\x09\x11\x00\x00\x00\x00\x00\x00\xf8\x7f", 11, "NaN" },
};

Test(pb_json_table, bytes_that_json_cannot_say_are_refused)
{
    json_schema_open(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(unwritable); i++) {
        vitro_bytes bytes = { (const uint8_t *)unwritable[i].bytes, unwritable[i].len };

        cr_assert(json_schema_write(&s, json_schema_type(&s, unwritable[i].type), bytes) ==
                      VITRO_INTERNAL,
                  "%zu", i);
        cr_assert(strstr(s.error.frame[0].text, unwritable[i].what), "\"%s\" is not %s",
                  s.error.frame[0].text, unwritable[i].what);
    }
    json_schema_close(&s);
}

Test(pb_json_table, fields_that_the_type_does_not_know_are_left_out)
{
    static const uint8_t bytes[] = { 0x08, 1,    0xf8, 0x3e, 5,    0x0a, 1,
                                     'x',  0x0b, 0x10, 1,    0x0c, 0x10, 4 };

    json_schema_open(&s, 0);
    cr_assert(json_schema_write(&s, json_schema_type(&s, ALL),
                                (vitro_bytes){ bytes, sizeof bytes }) == VITRO_OK);
    cr_assert_str_eq((char *)s.text.ptr, "{\"i32\":1,\"s32\":2}");
    json_schema_close(&s);
}

Test(pb_json_table, of_equal_keys_of_a_map_the_last_counts)
{
    static const uint8_t bytes[] = { 0xea, 3,    5, 0x0a, 1,    'a', 0x10, 1, 0xea, 3,
                                     5,    0x0a, 1, 'a',  0x10, 2,   0xea, 3, 0 };

    json_schema_open(&s, 0);
    cr_assert(json_schema_write(&s, json_schema_type(&s, ALL),
                                (vitro_bytes){ bytes, sizeof bytes }) == VITRO_OK);
    cr_assert_str_eq((char *)s.text.ptr, "{\"counts\":{\"\":0,\"a\":2}}");
    json_schema_close(&s);
}
