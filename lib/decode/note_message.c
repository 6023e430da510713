/*
 * note_message - a protobuf message that no connection carried: a note holds its bytes.
 *
 *      capture  [.. note: VITRO_TYPE=user.User  VITRO_BYTES [ message ] ..]
 *      note                                                 [ message ]      counts from 0
 */
#include "decode/core.h"

#include <string.h>

bool vitro_note_message_read(vitro_decode *d, vitro_bytes entry, struct note_message *out)
{
    struct note_field kind, type, bytes;

    if (!vitro_note_find(entry, vitro_str_of("VITRO_KIND"), &kind) ||
        !vitro_str_eq(kind.value, vitro_str_of("message")) ||
        !vitro_note_find(entry, vitro_str_of("VITRO_TYPE"), &type) ||
        !vitro_note_find(entry, vitro_str_of("VITRO_BYTES"), &bytes) ||
        bytes.value.len > UINT32_MAX)
        return false;
    out->type = vitro_names_add(&d->names, type.value);
    out->at = bytes.at;
    out->len = (uint32_t)bytes.value.len;
    return true;
}

void vitro_note_message_tell(vitro_decode *d, const vitro_event *note, const struct note_message *m)
{
    vitro_event ev = *note;
    struct rope rope;

    vitro_rope_init(&rope);
    if (m->len && !vitro_rope_add(&d->links, &rope, note->offset + m->at, m->len))
        return;
    ev.kind = VITRO_EVENT_PROTOBUF;
    ev.source = VITRO_SOURCE_NOTE;
    ev.parent = note->number;
    ev.offset = 0;
    ev.length = m->len;
    ev.path = m->type;
    ev.rope = rope.first;
    vitro_decode_emit(d, &ev);
    if (!d->options.keep)
        vitro_rope_release(&d->links, &rope, UINT64_MAX);
}
