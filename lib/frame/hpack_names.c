#include "frame/hpack.h"

#include "base/util.h"

static const struct repr_name {
    const char *name, *section;
} reprs[] = {
#define X(id, pattern, bits, name, section) { name, section },
#include "frame/hpack_reprs.def"
#undef X
};

static const struct wrong_name {
    const char *text, *section;
} wrongs[] = {
    { "", "" },
#define X(id, text, section) { text, section },
#include "frame/hpack_wrongs.def"
#undef X
};

const char *vitro_hpack_repr_name(enum hpack_repr repr)
{
    return (unsigned)repr < ARRAY_LEN(reprs) ? reprs[repr].name : "";
}

const char *vitro_hpack_repr_section(enum hpack_repr repr)
{
    return (unsigned)repr < ARRAY_LEN(reprs) ? reprs[repr].section : "";
}

const char *vitro_hpack_wrong_text(enum hpack_wrong wrong)
{
    return (unsigned)wrong < ARRAY_LEN(wrongs) ? wrongs[wrong].text : "";
}

const char *vitro_hpack_wrong_section(enum hpack_wrong wrong)
{
    return (unsigned)wrong < ARRAY_LEN(wrongs) ? wrongs[wrong].section : "";
}
