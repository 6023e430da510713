/*
 * hex - bytes written as text in tests.
 */
#ifndef SUPPORT_HEX_H
#define SUPPORT_HEX_H

#include <stddef.h>

#include "vitro/base.h"

/* Read pairs of hex digits, blanks between them ignored, into out; aborts when they do not fit. */
vitro_bytes hex_read(const char *text, uint8_t *out, size_t size);

/* The bytes as hex digits, cut to size - 1. */
const char *hex_text(vitro_bytes b, char *out, size_t size);

#endif
