/*
 * place - line numbers and comments of a .proto, from its source_code_info: a list of locations,
 * each with the path of the descriptor part that stands there.
 * Source: google/protobuf/descriptor.proto, SourceCodeInfo.
 */
#include <string.h>

#include "model.h"
#include "text.h"

struct place place_find(const struct file *f, const int32_t *path, size_t n)
{
    struct place place = { f, NULL };
    const Google__Protobuf__SourceCodeInfo *info = f->proto->source_code_info;
    for (size_t i = 0; info && i < info->n_location; i++) {
        const location_proto *l = info->location[i];
        if (l->n_path == n && (n == 0 || !memcmp(l->path, path, n * sizeof *path))) {
            place.location = l;
            return place;
        }
    }
    return place;
}

char *place_text(struct place place)
{
    if (place.location && place.location->n_span > 0) {
        return text_of("%s:%d", place.file->path, place.location->span[0] + 1);
    }
    return text_of("%s", place.file->path);
}
