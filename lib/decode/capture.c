#include "decode/capture.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "decode/order.h"
#include "decode/pcapng.h"

enum { PCAP_HEADER = 24, PCAP_RECORD = 16, MAX_INTERFACES = 65536, SNIFF = 12 };

static const int64_t second = 1000000000;

void vitro_capture_init(struct capture *c, vitro_lend *lend, void *user, struct account *account)
{
    memset(c, 0, sizeof *c);
    c->lend = lend;
    c->user = user;
    c->account = account;
}

void vitro_capture_done(struct capture *c)
{
    vitro_mem_free(c->account, c->interfaces, c->room * sizeof *c->interfaces);
    c->interfaces = NULL;
    c->count = c->room = 0;
}

enum capture_step vitro_capture_cut(vitro_error *err, const char *what, uint64_t at, size_t have,
                                    size_t want)
{
    vitro_fail(err, VITRO_DATA_LOSS, "capture", 0,
               "ends inside a %s at offset %" PRIu64 ": %zu bytes of %zu are there", what, at, have,
               want);
    return CAPTURE_CUT;
}

vitro_code vitro_capture_interface(struct capture *c, const struct capture_interface *add,
                                   vitro_error *err)
{
    size_t room = c->room ? c->room * 2 : 1;
    void *grown;

    if (c->count == MAX_INTERFACES)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "capture", 0,
                          "more than %d interfaces in one section", MAX_INTERFACES);
    if (c->count == c->room) {
        grown =
            vitro_mem_resize(c->account, c->interfaces, c->room * sizeof *add, room * sizeof *add);
        if (!grown)
            return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "capture", 0,
                              "no memory for %zu interfaces", room);
        c->interfaces = grown;
        c->room = room;
    }
    c->interfaces[c->count++] = *add;
    return VITRO_OK;
}

/* rest / units of a second in nanoseconds, rest < units, for any power of 10 or 2. */
static int64_t fraction(uint64_t rest, uint64_t units)
{
    if (units % (uint64_t)second == 0)
        return (int64_t)(rest / (units / (uint64_t)second));
    while (units > (uint64_t)1 << 33) { /* else the product would not fit */
        units >>= 1;
        rest >>= 1;
    }
    return (int64_t)(rest * (uint64_t)second / units);
}

bool vitro_capture_time(const struct capture_interface *from, uint64_t ticks, int64_t *ns)
{
    uint64_t whole = ticks / from->units;
    const int64_t last = 9000000000; /* seconds: the year 2255; more does not fit */

    *ns = 0;
    if (whole > (uint64_t)last || from->offset > last || from->offset < -last)
        return false;
    if ((int64_t)whole + from->offset > last)
        return false;
    *ns = ((int64_t)whole + from->offset) * second + fraction(ticks % from->units, from->units);
    return true;
}

/* ---- what it is ------------------------------------------------------------------------------ */

struct magic {
    const char *bytes;
    size_t len;
    const char *what;
};

/* Formats that people do hand to a reader of captures, and what to do about each. */
static const struct magic foreign[] = {
    { "\x1f\x8b", 2, "gzip; unpack it first: gzip -dc FILE | vitro inspect -" },
    { "\x28\xb5\x2f\xfd", 4, "zstd; unpack it first: zstd -dc FILE | vitro inspect -" },
    { "\xfd"
      "7zXZ",
      5, "xz; unpack it first: xz -dc FILE | vitro inspect -" },
    { "BZh", 3, "bzip2; unpack it first: bzip2 -dc FILE | vitro inspect -" },
    { "PK\x03\x04", 4, "a zip archive; unpack it first" },
    { "snoop\0\0\0", 8, "a snoop capture; convert it: editcap -F pcapng FILE OUT" },
    { "\xa1\xb2\xcd\x34", 4, "a patched pcap; convert it: editcap -F pcapng FILE OUT" },
    { "\x34\xcd\xb2\xa1", 4, "a patched pcap; convert it: editcap -F pcapng FILE OUT" },
    { "\x7f"
      "ELF",
      4, "a program, no capture" },
};

static bool is_text(vitro_bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.ptr[i];
        bool blank = c == '\t' || c == '\r' || c == '\n';

        if ((c < 0x20 && !blank) || c == 0x7f)
            return false;
    }
    return b.len > 0;
}

static enum capture_step refuse(vitro_bytes head, vitro_error *err)
{
    static const char hex[] = "0123456789abcdef";
    char seen[3 * SNIFF + 1] = "";

    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (head.len >= foreign[i].len && !memcmp(head.ptr, foreign[i].bytes, foreign[i].len)) {
            vitro_fail(err, VITRO_INVALID_ARGUMENT, "capture", 0, "this is %s", foreign[i].what);
            return CAPTURE_BAD;
        }
    for (size_t i = 0; i < MIN(head.len, (size_t)8); i++) {
        seen[3 * i] = hex[head.ptr[i] >> 4];
        seen[3 * i + 1] = hex[head.ptr[i] & 15];
        seen[3 * i + 2] = ' ';
        seen[3 * i + 3] = '\0';
    }
    vitro_fail(err, VITRO_INVALID_ARGUMENT, "capture", 0,
               "neither pcapng nor pcap: begins with %s%s", seen, is_text(head) ? "(text)" : "");
    return CAPTURE_BAD;
}

struct pcap_magic {
    uint8_t bytes[4];
    bool big;
    uint64_t units;
};

static const struct pcap_magic pcap_magics[] = {
    { { 0xa1, 0xb2, 0xc3, 0xd4 }, true, 1000000 },
    { { 0xd4, 0xc3, 0xb2, 0xa1 }, false, 1000000 },
    { { 0xa1, 0xb2, 0x3c, 0x4d }, true, 1000000000 },
    { { 0x4d, 0x3c, 0xb2, 0xa1 }, false, 1000000000 },
};

/* The file header of a classic capture: its one interface. */
static enum capture_step open_pcap(struct capture *c, const struct pcap_magic *magic,
                                   vitro_error *err)
{
    vitro_bytes head = c->lend(0, PCAP_HEADER, c->user);
    struct capture_interface only = { magic->units, 0, 0, 0 };

    if (head.len < PCAP_HEADER)
        return vitro_capture_cut(err, "file header", 0, head.len, PCAP_HEADER);
    if (read16(head.ptr + 4, magic->big) != 2) {
        vitro_fail(err, VITRO_INVALID_ARGUMENT, "capture", 0, "pcap version %u is unknown",
                   (unsigned)read16(head.ptr + 4, magic->big));
        return CAPTURE_BAD;
    }
    only.snaplen = read32(head.ptr + 16, magic->big);
    only.link = (uint16_t)read32(head.ptr + 20, magic->big); /* above it: length of a checksum */
    if (vitro_capture_interface(c, &only, err))
        return CAPTURE_BAD;
    c->big_endian = magic->big;
    c->at = PCAP_HEADER;
    c->format = CAPTURE_PCAP;
    return CAPTURE_RECORD;
}

static enum capture_step open_capture(struct capture *c, vitro_error *err)
{
    vitro_bytes head = c->lend(0, SNIFF, c->user);

    if (!head.len) {
        vitro_fail(err, VITRO_DATA_LOSS, "capture", 0, "is empty");
        return CAPTURE_CUT;
    }
    if (head.len < 4)
        return vitro_capture_cut(err, "file header", 0, head.len, PCAP_HEADER);
    if (read32(head.ptr, true) == PCAPNG_SECTION) {
        c->format = CAPTURE_PCAPNG;
        return CAPTURE_RECORD;
    }
    for (size_t i = 0; i < ARRAY_LEN(pcap_magics); i++)
        if (!memcmp(head.ptr, pcap_magics[i].bytes, 4))
            return open_pcap(c, &pcap_magics[i], err);
    return refuse(head, err);
}

/* ---- classic capture ------------------------------------------------------------------------- */

static enum capture_step next_pcap(struct capture *c, struct capture_record *out, vitro_error *err)
{
    const struct capture_interface *only = &c->interfaces[0];
    vitro_bytes b = c->lend(c->at, PCAP_RECORD, c->user);
    uint64_t ticks;
    uint32_t captured;

    if (!b.len)
        return CAPTURE_END;
    if (b.len < PCAP_RECORD)
        return vitro_capture_cut(err, "record header", c->at, b.len, PCAP_RECORD);
    ticks = read32(b.ptr, c->big_endian) * only->units + read32(b.ptr + 4, c->big_endian);
    captured = read32(b.ptr + 8, c->big_endian);
    out->original = MAX(read32(b.ptr + 12, c->big_endian), captured);
    if (captured > VITRO_LEND_MAX - PCAP_RECORD) {
        vitro_fail(err, VITRO_INVALID_ARGUMENT, "capture", 0,
                   "the record at offset %" PRIu64 " says it holds %" PRIu32 " bytes", c->at,
                   captured);
        return CAPTURE_BAD;
    }
    b = c->lend(c->at, PCAP_RECORD + captured, c->user);
    if (b.len < PCAP_RECORD + captured)
        return vitro_capture_cut(err, "packet", c->at, b.len, PCAP_RECORD + captured);
    out->bytes.ptr = b.ptr + PCAP_RECORD;
    out->bytes.len = captured;
    out->offset = c->at + PCAP_RECORD;
    out->has_ts = vitro_capture_time(only, ticks, &out->ts);
    out->link = only->link;
    out->number = ++c->number;
    c->at = out->offset + captured;
    return CAPTURE_RECORD;
}

enum capture_step vitro_capture_next(struct capture *c, struct capture_record *out,
                                     vitro_error *err)
{
    enum capture_step step;

    memset(out, 0, sizeof *out);
    if (c->format == CAPTURE_UNKNOWN) {
        step = open_capture(c, err);
        if (step != CAPTURE_RECORD)
            return step;
    }
    return c->format == CAPTURE_PCAP ? next_pcap(c, out, err) : vitro_pcapng_next(c, out, err);
}
