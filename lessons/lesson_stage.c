#include "lesson_stage.h"

#include "lesson_feed.h"

vitro_code lesson_stage(lesson *l, const lesson_sides *sides, void *user, vitro_error *err)
{
    vitro_server *server = NULL;
    vitro_channel *channel = NULL;
    vitro_code rc = vitro_server_new(&server, &l->loop, 1, &l->server, err);

    if (!rc)
        rc = sides->serve(server, user, err);
    if (!rc)
        rc = lesson_listen(l, server, err);
    if (!rc)
        rc = vitro_channel_new(&channel, l->loop, l->target, &l->channel, err);
    if (!rc)
        rc = sides->call(channel, user, err);
    vitro_channel_free(channel);
    lesson_end(l, server);
    lesson_feeds_free();
    return rc;
}
