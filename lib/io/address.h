/*
 * address - where a socket or a link leads, and its text: "ipv4:127.0.0.1:50051".
 */
#ifndef VITRO_IO_ADDRESS_H
#define VITRO_IO_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum address_kind { ADDRESS_NONE, ADDRESS_IPV4, ADDRESS_IPV6, ADDRESS_UNIX, ADDRESS_SIM };

/* Room for the text of any address, and for the longest name under sim. */
enum { ADDRESS_TEXT = 144, ADDRESS_SIM_NAME = 64 };

struct address {
    enum address_kind kind;
    socklen_t len; /* of the socket address; 0 under sim */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local; /* abstract when sun_path begins with a zero byte */
        char name[ADDRESS_SIM_NAME];
    } as;
};

/* Write it as a target, always terminated; returns out. size is ADDRESS_TEXT or more. */
char *vitro_address_text(const struct address *a, char *out, size_t size);

/* The port of an IP address, 0 for the others; and set it, nothing for the others. */
uint16_t vitro_address_port(const struct address *a);
void vitro_address_set_port(struct address *a, uint16_t port);

bool vitro_address_equal(const struct address *a, const struct address *b);

/* Read "1.2.3.4:5", "[::1]:5", "::1" and so on; without a port, port. False when it is none. */
bool vitro_address_parse_ip(struct address *a, vitro_str text, uint16_t port);

/* Take over what accept, getsockname and getaddrinfo say; false for other families. */
bool vitro_address_from(struct address *a, const struct sockaddr *sa, socklen_t len);

#ifdef __cplusplus
}
#endif
#endif
