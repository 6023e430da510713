#include "schemas.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "chat.vitro.h"
#include "file.vitro.h"
#include "known/google/protobuf/any.vitro.h"
#include "known/google/protobuf/duration.vitro.h"
#include "known/google/protobuf/empty.vitro.h"
#include "known/google/protobuf/field_mask.vitro.h"
#include "known/google/protobuf/struct.vitro.h"
#include "known/google/protobuf/timestamp.vitro.h"
#include "known/google/protobuf/wrappers.vitro.h"
#include "known/google/rpc/error_details.vitro.h"
#include "known/google/rpc/status.vitro.h"
#include "known/grpc/health/v1/health.vitro.h"
#include "known/grpc/reflection/v1/reflection.vitro.h"
#include "known/grpc/reflection/v1alpha/reflection.vitro.h"
#include "order.vitro.h"
#include "room.vitro.h"
#include "sensor.vitro.h"
#include "user.vitro.h"

enum { SET_MAX = 64 * 1024 * 1024 };

static const vitro_pb_file *const files[] = {
    &chat_proto_file,
    &user_proto_file,
    &order_proto_file,
    &room_proto_file,
    &file_proto_file,
    &sensor_proto_file,
    &vitro_known_grpc_health_v1_health_proto_file,
    &vitro_known_grpc_reflection_v1_reflection_proto_file,
    &vitro_known_grpc_reflection_v1alpha_reflection_proto_file
};

/* What any service may use: the details of errors, and what stands in google.protobuf.Any. */
static const vitro_pb_file *const common[] = {
    &vitro_known_google_rpc_status_proto_file,
    &vitro_known_google_rpc_error__details_proto_file,
    &vitro_known_google_protobuf_any_proto_file,
    &vitro_known_google_protobuf_duration_proto_file,
    &vitro_known_google_protobuf_empty_proto_file,
    &vitro_known_google_protobuf_field__mask_proto_file,
    &vitro_known_google_protobuf_struct_proto_file,
    &vitro_known_google_protobuf_timestamp_proto_file,
    &vitro_known_google_protobuf_wrappers_proto_file,
};

const vitro_pb_file *schemas_shipped_file(vitro_str name)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (vitro_str_eq(vitro_str_of(files[i]->name), name))
            return files[i];
    }
    return NULL;
}

static vitro_code give(const struct schema_sink *sink, const vitro_pb_file *const *all,
                       size_t count, vitro_error *err)
{
    size_t len = vitro_pb_file_set(all, count, NULL, 0);
    uint8_t *set = malloc(len ? len : 1);
    vitro_code rc;

    if (!set)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "schema", 0, "out of memory");
    vitro_pb_file_set(all, count, set, len);
    rc = sink->add(sink->to, (vitro_bytes){ set, len }, err);
    free(set);
    return rc;
}

vitro_code schemas_give_shipped(const struct schema_sink *sink, vitro_error *err)
{
    vitro_code rc = give(sink, files, ARRAY_LEN(files), err);

    return rc ? rc : schemas_give_common(sink, err);
}

vitro_code schemas_give_common(const struct schema_sink *sink, vitro_error *err)
{
    return give(sink, common, ARRAY_LEN(common), err);
}

/* All of a file; to be freed. */
static vitro_code read_file(const char *path, uint8_t **out, size_t *len, vitro_error *err)
{
    FILE *f = fopen(path, "rb");
    size_t cap = 64 * 1024, n = 0, got;
    uint8_t *p = malloc(cap);

    *out = NULL;
    *len = 0;
    while (f && p && (got = fread(p + n, 1, cap - n, f)) > 0) {
        n += got;
        if (n == cap) {
            uint8_t *larger = cap < SET_MAX ? realloc(p, cap *= 2) : NULL;
            if (!larger)
                break;
            p = larger;
        }
    }
    if (!f || !p || ferror(f) || n == cap) {
        int e = errno;
        free(p);
        if (f)
            fclose(f);
        return vitro_fail(err, VITRO_NOT_FOUND, "schema", e, "%s", f ? "too large" : strerror(e));
    }
    fclose(f);
    *out = p;
    *len = n;
    return VITRO_OK;
}

vitro_code schemas_give_set(const struct schema_sink *sink, const char *path, vitro_error *err)
{
    uint8_t *set;
    size_t len = 0;
    vitro_code rc = read_file(path, &set, &len, err);

    if (rc)
        return rc;
    rc = sink->add(sink->to, (vitro_bytes){ set, len }, err);
    free(set);
    return rc;
}

/* Run protoc and wait; its messages go to stderr as they are. */
static vitro_code run(char *const *argv, vitro_error *err)
{
    int status = 0, e;
    pid_t pid;

    e = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
    if (e)
        return vitro_fail(err, VITRO_NOT_FOUND, "protoc", e, "%s", strerror(e));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        return vitro_fail(err, VITRO_NOT_FOUND, "protoc", 0, "cannot be run");
    if (WEXITSTATUS(status))
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "protoc", WEXITSTATUS(status),
                          "refused the file");
    return VITRO_OK;
}

/* The directory of a path, to be freed. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

vitro_code schemas_give_proto(const struct schema_sink *sink, char *const *protos,
                              size_t file_count, char *const *dirs, size_t dir_count,
                              vitro_error *err)
{
    char set[] = "/tmp/vitro-XXXXXX", out[64];
    size_t n = 0, room = file_count * 2 + dir_count + 4, own = 0;
    char **argv = calloc(room, sizeof *argv), **mine = calloc(room, sizeof *mine);
    int fd = mkstemp(set);
    vitro_code rc = VITRO_OK;

    if (fd < 0 || !argv || !mine)
        rc = vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "protoc", errno, "no temporary file");
    snprintf(out, sizeof out, "--descriptor_set_out=%s", set);
    if (!rc && argv && mine) {
        argv[n++] = (char[]){ "protoc" };
        argv[n++] = (char[]){ "--include_imports" };
        argv[n++] = out;
        for (size_t i = 0; i < dir_count + (dir_count ? 0 : file_count); i++) {
            char *dir = dir_count ? strdup(dirs[i]) : directory_of(protos[i]);
            if (asprintf(&mine[own], "-I%s", dir ? dir : ".") > 0)
                argv[n++] = mine[own++];
            free(dir);
        }
        for (size_t i = 0; i < file_count; i++)
            argv[n++] = protos[i];
        rc = run(argv, err);
    }
    if (!rc)
        rc = schemas_give_set(sink, set, err);
    if (fd >= 0) {
        close(fd);
        unlink(set);
    }
    for (size_t i = 0; mine && i < own; i++)
        free(mine[i]);
    free(mine);
    free(argv);
    return rc;
}

/* ---- to a decoder --------------------------------------------------------------------------- */

static vitro_code add_to_decoder(void *to, vitro_bytes set, vitro_error *err)
{
    return vitro_decode_schema(to, set, err);
}

/* A trace's own description of its types is better. */
static vitro_code add_for_want(void *to, vitro_bytes set, vitro_error *err)
{
    return vitro_decode_schema_fallback(to, set, err);
}

vitro_code schemas_add_shipped(vitro_decode *d, vitro_error *err)
{
    return schemas_give_shipped(&(struct schema_sink){ add_for_want, d }, err);
}

vitro_code schemas_add_set(vitro_decode *d, const char *path, vitro_error *err)
{
    return schemas_give_set(&(struct schema_sink){ add_to_decoder, d }, path, err);
}

vitro_code schemas_add_proto(vitro_decode *d, char *const *protos, size_t file_count,
                             char *const *dirs, size_t dir_count, vitro_error *err)
{
    return schemas_give_proto(&(struct schema_sink){ add_to_decoder, d }, protos, file_count, dirs,
                              dir_count, err);
}
