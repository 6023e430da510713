/* link - what stands in front of the network layer; the link types are listed in packet.h. */
#ifndef VITRO_DECODE_LINK_H
#define VITRO_DECODE_LINK_H

#include "decode/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ETHERTYPE_IP4 = 0x0800, ETHERTYPE_IP6 = 0x86dd };

struct link_payload {
    uint16_t ethertype; /* of what follows, VLAN tags taken off */
    size_t at;          /* where it begins in the frame, at most frame.len */
};

/* PACKET_TCP: *out is filled. */
enum packet_what vitro_link_parse(uint16_t link, vitro_bytes frame, struct link_payload *out,
                                  const char **why);

#ifdef __cplusplus
}
#endif
#endif
