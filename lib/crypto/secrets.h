/*
 * secrets - what a key log says of connections: the lines of SSLKEYLOGFILE, of a file or of a
 * capture's block of secrets (draft-ietf-tls-keylogfile).
 *
 *      LABEL <client random, 64 hex digits> <secret, hex digits>
 *
 * The text is hostile: lines that say nothing known are counted and passed over, memory is the
 * account's, and to add or find one takes the same bounded time whatever the others are.
 */
#ifndef VITRO_CRYPTO_SECRETS_H
#define VITRO_CRYPTO_SECRETS_H

#include "base/mem.h"
#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { RANDOM_LEN = 32, SECRET_MAX = 48 };

/* What a secret is for. Those of 1.3 that no record needs (exporters) are not kept. */
enum secret_label {
    SECRET_MASTER, /* CLIENT_RANDOM: the master secret of 1.2 */
    SECRET_CLIENT_EARLY,
    SECRET_CLIENT_HANDSHAKE,
    SECRET_SERVER_HANDSHAKE,
    SECRET_CLIENT_TRAFFIC,
    SECRET_SERVER_TRAFFIC
};

struct secret {
    uint8_t len;
    uint8_t bytes[SECRET_MAX];
};

struct secret_row;

struct secrets {
    struct account *account;
    struct secret_row *rows;
    uint32_t count, cap;
    uint32_t root;
    uint64_t others; /* lines of other labels */
    uint64_t bad;    /* lines that are none, comments and empty ones apart */
};

/* account is kept; NULL: charged to nobody. */
void vitro_secrets_init(struct secrets *s, struct account *account);
void vitro_secrets_done(struct secrets *s);

/*
 * Take the secrets of whole lines, of which the last may lack its end. What was said first of a
 * connection stays. False when memory is out: the lines before are kept.
 */
bool vitro_secrets_add(struct secrets *s, vitro_str lines);

/* Copies it to out. False: nothing was said. */
bool vitro_secrets_find(const struct secrets *s, enum secret_label label,
                        const uint8_t client_random[RANDOM_LEN], struct secret *out);

#ifdef __cplusplus
}
#endif
#endif
