/*
 * json_number - numbers as JSON writes them: the shortest digits that read back as the same.
 */
#ifndef VITRO_PB_JSON_NUMBER_H
#define VITRO_PB_JSON_NUMBER_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_NUMBER_TEXT = 40 };

/* Both return the length, at most JSON_NUMBER_TEXT - 1. value is finite. */
size_t vitro_json_double_text(double value, char out[JSON_NUMBER_TEXT]);
size_t vitro_json_float_text(float value, char out[JSON_NUMBER_TEXT]);

/* A number that was read: when whole, exactly sign and magnitude; real is always set. */
struct json_number {
    bool whole;
    bool negative;
    uint64_t magnitude;
    double real;
};

/* What a double or integer is. */
struct json_number vitro_json_number_of(double real);
struct json_number vitro_json_number_of_int(int64_t value);

/* A number in a string, as the mapping allows: JSON's grammar and nothing around it. */
bool vitro_json_number_read(vitro_str text, struct json_number *out);

#ifdef __cplusplus
}
#endif
#endif
