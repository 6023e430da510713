#include "decode/link.h"

#include "base/util.h"
#include "decode/order.h"

/* A header of fixed size with the EtherType of what follows in it. */
struct fixed_link {
    uint16_t link;
    uint8_t size;
    uint8_t type_at;
};

static const struct fixed_link fixed_links[] = {
    { 1, 14, 12 },   /* ETHERNET */
    { 113, 16, 14 }, /* LINUX_SLL */
    { 276, 20, 0 },  /* LINUX_SLL2 */
};

enum { LINK_NULL = 0, LINK_LOOP = 108, LINK_IPV4 = 228, LINK_IPV6 = 229, TAG = 4 };

static enum packet_what tell(enum packet_what what, const char **why, const char *text)
{
    *why = text;
    return what;
}

static bool is_tag(uint16_t ethertype)
{
    return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* VLAN tags (IEEE 802.1Q), any number of them: two bytes, then the type of what follows. */
static enum packet_what strip_tags(vitro_bytes frame, struct link_payload *out, const char **why)
{
    while (is_tag(out->ethertype)) {
        if (frame.len - out->at < TAG)
            return tell(PACKET_CUT, why, "captured too short for its VLAN tag");
        out->ethertype = read16(frame.ptr + out->at + 2, true);
        out->at += TAG;
    }
    return PACKET_TCP;
}

/* Four bytes: AF_INET or AF_INET6 of the capturing host, whose byte order nobody wrote down. */
static enum packet_what parse_family(vitro_bytes frame, struct link_payload *out, const char **why)
{
    static const uint8_t families6[] = { 10, 23, 24, 26, 28, 30 };
    uint32_t family;

    if (frame.len < 4)
        return tell(PACKET_CUT, why, "captured too short for its link header");
    family = read32(frame.ptr, false);
    if (family > 0xffff)
        family = read32(frame.ptr, true);
    out->at = 4;
    out->ethertype = family == 2 ? ETHERTYPE_IP4 : 0;
    for (size_t i = 0; i < ARRAY_LEN(families6); i++)
        if (family == families6[i])
            out->ethertype = ETHERTYPE_IP6;
    return PACKET_TCP;
}

static enum packet_what parse_raw(vitro_bytes frame, struct link_payload *out, const char **why)
{
    if (!frame.len)
        return tell(PACKET_CUT, why, "nothing of it was captured");
    out->at = 0;
    out->ethertype = frame.ptr[0] >> 4 == 4   ? ETHERTYPE_IP4
                     : frame.ptr[0] >> 4 == 6 ? ETHERTYPE_IP6
                                              : 0;
    return PACKET_TCP;
}

enum packet_what vitro_link_parse(uint16_t link, vitro_bytes frame, struct link_payload *out,
                                  const char **why)
{
    for (size_t i = 0; i < ARRAY_LEN(fixed_links); i++) {
        const struct fixed_link *l = &fixed_links[i];

        if (l->link != link)
            continue;
        if (frame.len < l->size)
            return tell(PACKET_CUT, why, "captured too short for its link header");
        out->at = l->size;
        out->ethertype = read16(frame.ptr + l->type_at, true);
        return strip_tags(frame, out, why);
    }
    switch (link) {
    case LINK_NULL:
    case LINK_LOOP:
        return parse_family(frame, out, why);
    case 12:
    case 14:
    case 101:
    case LINK_IPV4:
    case LINK_IPV6:
        return parse_raw(frame, out, why);
    default:
        return tell(PACKET_OTHER, why, "a link type that is not known here");
    }
}
