/*
 * generator_descriptors - our tables against protoc-c's, over every type that both can make.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <string.h>

#include "chat.vitro.h"
#include "google/protobuf/api.vitro.h"
#include "google/protobuf/descriptor.vitro.h"
#include "google/protobuf/duration.vitro.h"
#include "google/protobuf/empty.vitro.h"
#include "google/protobuf/field_mask.vitro.h"
#include "google/protobuf/struct.vitro.h"
#include "legacy.vitro.h"
#include "support/same_descriptor.h"
#include "types.vitro.h"

#define ORACLE "build/gen/oracle.so"

struct pair {
    const void *ours;
    const char *symbol;
};
#define PAIR(name)                                                                                 \
    {                                                                                              \
        &name##__descriptor, #name "__descriptor"                                                  \
    }

static const struct pair messages[] = {
    PAIR(corpus__common__point),
    PAIR(corpus__common__nothing),
    PAIR(corpus__types_of_proto3__scalars),
    PAIR(corpus__types_of_proto3__lists),
    PAIR(corpus__types_of_proto3__choices),
    PAIR(corpus__types_of_proto3__choices__nested),
    PAIR(corpus__types_of_proto3__maps),
    PAIR(corpus__types_of_proto3__httpserver2_thing),
    PAIR(corpus__legacy__required),
    PAIR(corpus__legacy__optional),
    PAIR(corpus__legacy__defaults),
    PAIR(corpus__legacy__lists),
    PAIR(google__protobuf__file_descriptor_set),
    PAIR(google__protobuf__generated_code_info),
    PAIR(google__protobuf__api),
    PAIR(google__protobuf__type),
    PAIR(google__protobuf__enum),
    PAIR(google__protobuf__any),
    PAIR(google__protobuf__duration),
    PAIR(google__protobuf__empty),
    PAIR(google__protobuf__field_mask),
    PAIR(google__protobuf__struct),
    PAIR(google__protobuf__timestamp),
    PAIR(google__protobuf__double_value),
    PAIR(google__protobuf__float_value),
    PAIR(google__protobuf__int64_value),
    PAIR(google__protobuf__uint64_value),
    PAIR(google__protobuf__int32_value),
    PAIR(google__protobuf__uint32_value),
    PAIR(google__protobuf__bool_value),
    PAIR(google__protobuf__string_value),
    PAIR(google__protobuf__bytes_value),
};

static const struct pair enums[] = {
    PAIR(corpus__common__colour),
    PAIR(corpus__types_of_proto3__size),
    PAIR(corpus__types_of_proto3__choices__nested__deeper__deepest),
    PAIR(corpus__legacy__level),
    PAIR(google__protobuf__null_value),
    PAIR(google__protobuf__syntax),
};

static void *oracle;

static void open_oracle(void)
{
    oracle = dlopen(ORACLE, RTLD_NOW | RTLD_LOCAL);
    cr_assert(oracle != NULL, "%s", dlerror());
}

static const void *oracle_symbol(const char *name)
{
    const void *p = dlsym(oracle, name);
    cr_assert(p != NULL, "protoc-c made no %s", name);
    return p;
}

Test(generator, descriptors_equal_those_of_protoc_c_member_by_member, .init = open_oracle)
{
    static struct same s;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        const void *theirs = oracle_symbol(messages[i].symbol);
        cr_assert(theirs != messages[i].ours, "one symbol for both: nothing is compared");
        same_message(&s, messages[i].ours, theirs);
        cr_assert(s.why[0] == '\0', "%s", s.why);
    }
    for (size_t i = 0; i < sizeof enums / sizeof *enums; i++) {
        same_enum(&s, enums[i].ours, oracle_symbol(enums[i].symbol));
        cr_assert(s.why[0] == '\0', "%s", s.why);
    }
    cr_expect(s.messages >= 70, "only %u messages were compared", s.messages);
    cr_expect(s.fields >= 300, "only %u fields were compared", s.fields);
    cr_expect(s.values >= 50, "only %u values were compared", s.values);
}

Test(generator, a_difference_in_any_member_is_found, .init = open_oracle)
{
    const ProtobufCMessageDescriptor *ours = &corpus__legacy__defaults__descriptor;
    const ProtobufCMessageDescriptor *theirs =
        oracle_symbol("corpus__legacy__defaults__descriptor");
    static ProtobufCFieldDescriptor fields[64];
    for (unsigned what = 0; what < 5; what++) {
        struct same s = { .why = "" };
        ProtobufCMessageDescriptor changed = *ours;
        memcpy(fields, ours->fields, ours->n_fields * sizeof *fields);
        changed.fields = fields;
        fields[3].flags ^= what == 0;
        fields[3].offset += what == 1;
        fields[3].default_value =
            what == 2 ? ours->fields[7].default_value : fields[3].default_value;
        fields[3].label = what == 3 ? PROTOBUF_C_LABEL_NONE : fields[3].label;
        changed.sizeof_message += what == 4;
        same_message(&s, &changed, theirs);
        cr_expect(s.why[0] != '\0', "change %u was not seen", what);
    }
}
