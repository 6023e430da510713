/* room - a room of three: what one member says reaches the two others. */
#ifndef ROOM_H
#define ROOM_H

#include "../lesson.h"

enum { ROOM_MEMBERS = 3 };

struct room {
    lesson *l;
    vitro_call *members[ROOM_MEMBERS]; /* at the server, in the order in which they came */
    int joined, silent;
};

vitro_code room_serve(vitro_server *server, struct room *room, vitro_error *err);
vitro_code room_call(vitro_channel *channel, struct room *room, vitro_error *err);

#endif
