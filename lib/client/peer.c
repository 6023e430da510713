/* peer - who has answered a call, for those that ask when it is over. */
#include <string.h>

#include "base/arena.h"
#include "client/call.h"

void vitro_peer_done(vitro_peer *peer)
{
    struct arena *held = peer->memory;

    if (held) {
        vitro_arena_done(held);
        vitro_mem_free(NULL, held, sizeof *held);
    }
    *peer = (vitro_peer)VITRO_PEER_INIT;
}

void vitro_client_tell_peer(vitro_peer *peer, struct connection *conn)
{
    vitro_str address = vitro_str_of(conn->peer);
    struct arena *held = vitro_mem_alloc(NULL, sizeof *held);
    char *text;

    vitro_peer_done(peer);
    peer->memory = held;
    if (!held)
        return;
    vitro_arena_init(held, NULL, 0);
    text = vitro_arena_alloc(held, address.len + 1);
    if (text) {
        memcpy(text, address.ptr, address.len + 1);
        peer->address = (vitro_str){ text, address.len };
    }
    peer->identity = vitro_connection_identify(conn, held);
}
