/*
 * decoded - a capture in memory, decoded with an index, and its events as text to compare.
 */
#ifndef VITRO_TESTS_DECODED_H
#define VITRO_TESTS_DECODED_H

#include "support/pcap_write.h"
#include "vitro/lab/decode.h"

/* Bytes that a decoder borrows; `most` may be less than len: what has come so far. */
struct decoded_bytes {
    const uint8_t *ptr;
    size_t len, most;
    struct told *told; /* while decoded_of() runs */
};
vitro_bytes decoded_lend(uint64_t offset, size_t len, void *user);

/*
 * Decode all of it; aborts only when memory is out. *code is what finish returned. With keep,
 * each event is asserted to be kept as it was told.
 */
vitro_decode *decoded_of(struct decoded_bytes *bytes, bool keep, vitro_code *code);

/* Assert that it tiles; k is the case of a property. */
void decoded_assert_tiled(vitro_decode *d, size_t k);

/*
 * What is compared: every kind of event; all but notes; all but notes and records, as if TLS had
 * sealed nothing; or what does not depend on cuts of DATA.
 */
enum decoded_what { DECODED_ALL, DECODED_WIRE, DECODED_OPENED, DECODED_ABOVE };

/*
 * One line an event and one a field, without time, number and packet. With DECODED_ABOVE only
 * header fields, messages, protobuf fields and unknown bodies. To be freed.
 */
char *decoded_text(vitro_decode *d, enum decoded_what what);

#endif
