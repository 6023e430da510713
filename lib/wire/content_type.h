/*
 * content_type - is it gRPC? "application/grpc", alone or before "+" or ";", in any case.
 */
#ifndef VITRO_WIRE_CONTENT_TYPE_H
#define VITRO_WIRE_CONTENT_TYPE_H

#include "vitro/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * True for gRPC's content-type (application/grpc-web is not it). codec, which may be NULL, is what
 * stands between "+" and ";", empty when nothing does: lent, part of value.
 */
bool vitro_content_type_is_grpc(vitro_str value, vitro_str *codec);

#ifdef __cplusplus
}
#endif
#endif
