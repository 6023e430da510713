/*
 * json_time - the text of Timestamp and Duration (RFC 3339; google/protobuf/timestamp.proto and
 * duration.proto), both ways.
 */
#ifndef VITRO_PB_JSON_TIME_H
#define VITRO_PB_JSON_TIME_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_TIME_TEXT = 40 };

/* The length, 0 when the time is out of range. Fractions have 0, 3, 6 or 9 digits. */
size_t vitro_json_timestamp_text(int64_t seconds, int64_t nanos, char out[JSON_TIME_TEXT]);
size_t vitro_json_duration_text(int64_t seconds, int64_t nanos, char out[JSON_TIME_TEXT]);

/* False when text is no such time, or one out of range. */
bool vitro_json_timestamp_read(vitro_str text, int64_t *seconds, int32_t *nanos);
bool vitro_json_duration_read(vitro_str text, int64_t *seconds, int32_t *nanos);

#ifdef __cplusplus
}
#endif
#endif
