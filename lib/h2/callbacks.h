/* callbacks - what nghttp2 tells a session, turned into the owner's events. Seen by h2 alone. */
#ifndef VITRO_H2_CALLBACKS_H
#define VITRO_H2_CALLBACKS_H

#include <nghttp2/nghttp2.h>

#include "h2/session.h"

#ifdef __cplusplus
extern "C" {
#endif

void vitro_h2_set_callbacks(nghttp2_session_callbacks *callbacks);

/* nghttp2 asks for the DATA of a stream (data.c). */
ssize_t vitro_h2_read_data(nghttp2_session *ng, int32_t id, uint8_t *room, size_t length,
                           uint32_t *flags, nghttp2_data_source *source, void *user);

/* nghttp2 hands out a DATA frame's header; its bytes follow from the stream's queue (data.c). */
int vitro_h2_send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *header,
                       size_t length, nghttp2_data_source *source, void *user);

/* How long a DATA frame may be (data.c). */
ssize_t vitro_h2_data_length(nghttp2_session *ng, uint8_t type, int32_t id,
                             int32_t connection_window, int32_t stream_window, uint32_t max_frame,
                             void *user);

#ifdef __cplusplus
}
#endif
#endif
