/*
 * write_pcapng - what the screen shows as a capture of its own: a file that Wireshark and vitro
 * open.
 */
#ifndef VITRO_UI_WRITE_PCAPNG_H
#define VITRO_UI_WRITE_PCAPNG_H

#include <stdio.h>

#include "ui/model.h"

/*
 * Write the packets that the shown events came from, every note and all secrets, in the order of
 * the capture. Returns how many packets; -1, and errno: ENOMEM, or ENODATA when nothing of a
 * capture has come yet.
 */
int64_t write_pcapng(const struct model *m, FILE *out);

#endif
