#include "decode/why.h"

#include <assert.h>

#include "base/util.h"

static const char *const texts[] = {
    "",
#define X(id, text) text,
#include "decode/why.def"
#undef X
};

uint8_t vitro_why_frame(uint64_t wrongs)
{
    static_assert((int)WHY_HPACK + (int)HPACK_WRONG_COUNT <= UINT8_MAX, "reasons fit a byte");
    for (unsigned i = 0; i < FRAME_WRONG_COUNT; i++) {
        if (wrongs >> i & 1)
            return (uint8_t)(WHY_FRAME + i);
    }
    return WHY_NOTHING;
}

const char *vitro_decode_why(uint8_t why)
{
    if (why < ARRAY_LEN(texts))
        return texts[why];
    if (why < WHY_HPACK)
        return vitro_frame_wrong_info((enum frame_wrong)(why - WHY_FRAME))->text;
    if (why < WHY_HPACK + HPACK_WRONG_COUNT)
        return vitro_hpack_wrong_text((enum hpack_wrong)(why - WHY_HPACK));
    return "";
}
