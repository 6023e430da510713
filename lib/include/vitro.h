/*
 * vitro - gRPC in C: everything that an application needs, in one include.
 *
 * loop ........ what runs everything          metadata .... headers and trailers of a call
 * channel ..... calls out                     server ...... calls in
 * call ........ one call, on either side      trace ....... what can be watched
 * credentials . who we are, whom we trust
 * pb .......... messages; generated code includes it by itself
 * text ........ what a peer said, made safe   health ...... whether a server serves
 * version ..... which vitro this is           reflection .. what a server can do
 * interceptor . what every call passes        details ..... errors with messages that say more
 */
#ifndef VITRO_H
#define VITRO_H

#include "vitro/base.h"
#include "vitro/call.h"
#include "vitro/channel.h"
#include "vitro/credentials.h"
#include "vitro/details.h"
#include "vitro/health.h"
#include "vitro/interceptor.h"
#include "vitro/loop.h"
#include "vitro/metadata.h"
#include "vitro/pb.h"
#include "vitro/reflection.h"
#include "vitro/server.h"
#include "vitro/text.h"
#include "vitro/trace.h"
#include "vitro/version.h"

#endif
