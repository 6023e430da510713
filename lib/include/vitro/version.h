/*
 * version - which vitro this is.
 *
 * What the headers were, and what the library is that runs, may differ: a program that was built
 * with older headers goes on working with a newer library of the same name (libvitro.so.N).
 */
#ifndef VITRO_VERSION_H
#define VITRO_VERSION_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the headers, as text. */
#define VITRO_VERSION "0.1.0"

/** The same as a number for #if: two hexadecimal digits for each part. */
#define VITRO_VERSION_NUMBER 0x000100

/**
 * The version of the library that runs.
 *
 * @return lends static text: "0.1.0".
 * Thread: any.
 */
VITRO_API const char *vitro_library_version(void);

#ifdef __cplusplus
}
#endif
#endif
