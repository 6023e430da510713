/* poison - memory that is kept for the next taker: the sanitizer is told, as malloc tells it. */
#ifndef VITRO_BASE_POISON_H
#define VITRO_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#endif
