/*
 * keylog - the file that SSLKEYLOGFILE names: the secrets of the process's TLS connections, one a
 * line, appended as other programs do (draft-ietf-tls-keylogfile).
 */
#ifndef VITRO_TRACE_KEYLOG_H
#define VITRO_TRACE_KEYLOG_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Append a line, given without its end. The file is made with mode 0600. Without the variable, in
 * a program with more rights than its caller, and when the file cannot be written, nothing
 * happens. Thread: any.
 */
void vitro_keylog_line(vitro_str line);

#ifdef __cplusplus
}
#endif
#endif
