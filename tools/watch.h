/*
 * watch - where vitro watch takes its capture from.
 */
#ifndef VITRO_TOOLS_WATCH_H
#define VITRO_TOOLS_WATCH_H

#include "feed.h"

/*
 * A network interface through libpcap; filter: pcap's language, "" takes all. Returns what a
 * program ends with; an error has been told. *out is for feed_free().
 */
int watch_capture_open(struct feed **out, const char *interface, const char *filter);

/*
 * Programs of ours: "unix:PATH" joins one that serves its trace there, "listen:PATH" takes in all
 * that come. As above.
 */
int watch_programs_open(struct feed **out, const char *where);

/* Give up what opening may have needed: root, capabilities. As above. */
int watch_drop_privileges(void);

#endif
