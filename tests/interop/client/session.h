/* session - what a case of the client works with, and how it says what went wrong. */
#ifndef VITRO_TESTS_INTEROP_SESSION_H
#define VITRO_TESTS_INTEROP_SESSION_H

#include "grpc/testing/test.vitro.h"

/* The flags, as the official clients name them. */
struct flags {
    const char *server_host, *server_port, *server_host_override, *test_case, *ca_file;
    bool use_tls, use_test_ca;
    int soak_iterations, soak_max_failures, soak_per_iteration_max_acceptable_latency_ms;
    int soak_overall_timeout_seconds, soak_min_time_ms_between_rpcs;
    int soak_request_size, soak_response_size, soak_num_threads;
};

struct session {
    const struct flags *flags;
    vitro_credentials *credentials;
    vitro_loop *loop;
    vitro_channel *channel;
    char target[300];
    char why[VITRO_ERROR_LINE + 128]; /* of the first failure */
};

vitro_code session_open(struct session *s, const struct flags *flags, vitro_error *err);
void session_close(struct session *s);
/* A channel, and with it a connection, of its own. */
vitro_code session_connect(struct session *s, vitro_error *err);

/* Keep what went wrong. @return false. */
bool failed(struct session *s, const char *format, ...) VITRO_PRINTF(2, 3);
bool failed_by(struct session *s, const char *what, const vitro_error *err);
/* Whether a call has ended with this status. */
bool ended_with(struct session *s, const char *what, vitro_code got, vitro_code want,
                const vitro_error *err);

/* A payload of so many zeros; its body is lent for ever. */
Grpc__Testing__Payload zeros(size_t n);
/* Whether a payload is that. */
bool is_zeros(struct session *s, const char *what, const Grpc__Testing__Payload *got, size_t n);

/* One UnaryCall with so many bytes each way. */
bool large(struct session *s, int request_size, int response_size);

/* Cases: true is a pass. */
typedef bool case_function(struct session *s);
#define CASE(name) case_function name;
#include "interop/client/cases.def"
#undef CASE

#endif
