/* pcapng - the block format behind capture.h; see there. */
#ifndef VITRO_DECODE_PCAPNG_H
#define VITRO_DECODE_PCAPNG_H

#include "decode/capture.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PCAPNG_SECTION = 0x0a0d0d0a };

/* The next record of a capture that begins with a section header. */
enum capture_step vitro_pcapng_next(struct capture *c, struct capture_record *out,
                                    vitro_error *err);

/* Add an interface to those of the section. Of capture.c. */
vitro_code vitro_capture_interface(struct capture *c, const struct capture_interface *add,
                                   vitro_error *err);

/* Ticks of an interface's clock as nanoseconds since 1970; false when 64 bits do not hold them. */
bool vitro_capture_time(const struct capture_interface *from, uint64_t ticks, int64_t *ns);

/* Tell a cut: `have` bytes of `want` are there at the offset `at`. Of capture.c. */
enum capture_step vitro_capture_cut(vitro_error *err, const char *what, uint64_t at, size_t have,
                                    size_t want);

#ifdef __cplusplus
}
#endif
#endif
