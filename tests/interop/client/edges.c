/*
 * edges - cases against a server that misbehaves or is only unusual, each on one channel
 * (grpc/doc/negative-http2-interop-test-descriptions.md; support/bad_cases.def).
 */
#include "interop/client/one_call.h"

enum { CALLS = 10, LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159 };

static bool begin_large(struct session *s, struct one_call *c)
{
    Grpc__Testing__SimpleRequest request = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    Grpc__Testing__Payload payload = zeros(LARGE_REQUEST);

    request.payload = &payload;
    request.response_size = LARGE_RESPONSE;
    return one_call_begin(s, c, &grpc_testing_test_service_unary_call_method, &request.base, NULL);
}

/* The second call is made again elsewhere when it has missed the news. */
bool goaway(struct session *s)
{
    return large_unary(s) && large_unary(s);
}

/* A code of NO_ERROR does not make an end of what has no trailers (grpc/doc/PROTOCOL-HTTP2.md,
 * "HTTP2 Transport Mapping", Errors). */
static bool is_cut(struct session *s)
{
    struct one_call c;

    return begin_large(s, &c) && one_call_ends(s, &c, VITRO_INTERNAL, NULL);
}

bool rst_after_header(struct session *s)
{
    return is_cut(s);
}

bool rst_during_data(struct session *s)
{
    return is_cut(s);
}

bool rst_after_data(struct session *s)
{
    return is_cut(s);
}

bool ping(struct session *s)
{
    return large_unary(s);
}

bool data_frame_padding(struct session *s)
{
    return large_unary(s);
}

bool no_df_padding_sanity_test(struct session *s)
{
    return large_unary(s);
}

/* The first call lets the client learn the limit. */
bool max_streams(struct session *s)
{
    struct one_call c[CALLS];
    int begun = 0;
    bool good = large_unary(s);

    while (good && begun < CALLS) {
        good = begin_large(s, &c[begun]);
        begun += good;
    }
    for (int i = 0; i < begun; i++) {
        good = one_call_ends(s, &c[i], VITRO_OK, NULL) && good;
        good = good && (c[i].messages == 1 || failed(s, "call %d has no response", i));
    }
    return good;
}
