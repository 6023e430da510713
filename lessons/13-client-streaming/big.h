/* big - an upload of large messages, which waits for the server whenever it is behind. */
#ifndef BIG_H
#define BIG_H

#include "../lesson.h"

enum { BIG_MIB = 1024 * 1024 };

struct big {
    size_t size; /* of each message's data */
    int count;
};

/* However the call ends, that is said, and no failure. */
vitro_code big_upload(lesson *l, vitro_channel *channel, const struct big *big, vitro_error *err);

#endif
