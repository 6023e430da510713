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
 * the capture. Returns how many packets; -1 when memory is out or this is no capture.
 */
int64_t write_pcapng(const struct model *m, FILE *out);

#endif
