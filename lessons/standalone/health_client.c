/*
 * health_client TARGET SERVICE - how a service is, now and at each change, until the server ends.
 *
 * The .proto of the health service is installed with vitro: the Makefile has the generator make
 * its messages and stubs as it does with any other. "" is the server as a whole.
 */
#include <stdio.h>
#include <vitro.h>
#include "grpc/health/v1/health.vitro.h"

int main(int argc, char **argv)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    Grpc__Health__V1__HealthCheckResponse *is;
    grpc_health_v1_health_watch_reader reader;
    vitro_channel *channel = NULL;
    vitro_error err;
    char why[VITRO_ERROR_LINE];
    vitro_code rc = vitro_channel_new(&channel, NULL, argc > 1 ? argv[1] : "", NULL, &err);

    request.service = argv[argc - 1];
    if (!rc)
        rc = grpc_health_v1_health_watch(channel, &request, &reader, NULL, &err);
    if (!rc) {
        while (!grpc_health_v1_health_watch_read(&reader, &is, NULL) && is) {
            puts(is->status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                     ? "it serves"
                     : "it does not serve");
            fflush(stdout);
            grpc__health__v1__health_check_response__free_unpacked(is, NULL);
        }
        rc = grpc_health_v1_health_watch_close(&reader, NULL, &err);
    }
    if (rc) {
        vitro_error_format(&err, why, sizeof why);
        fprintf(stderr, "health_client: %s\n", why);
    }
    vitro_channel_free(channel);
    return rc ? 1 : 0;
}
