/*
 * names - from names of a .proto to names in C, as protobuf-c makes them, and what is done when
 * two of them meet: the later one gets a trailing underscore until it stands alone.
 */
#ifndef PROTOC_GEN_VITRO_NAMES_H
#define PROTOC_GEN_VITRO_NAMES_H

#include <stdbool.h>

/* chat.v1.ChatMessage becomes ... */
char *name_type(const char *full);  /* Chat__V1__ChatMessage */
char *name_lower(const char *full); /* chat__v1__chat_message */
char *name_upper(const char *full); /* CHAT__V1__CHAT_MESSAGE */
char *name_stub(const char *full);  /* chat_v1_chat_message */

char *snake_lower(const char *name); /* userId: user_id */
char *snake_upper(const char *name); /* userId: USER_ID */
char *all_lower(const char *name);   /* userId: userid, as protobuf-c names members */

/** A path as an identifier, one to one: "a/b_c.proto" becomes "a_b__c_proto". */
char *name_file(const char *path);

/** True for a word that may not stand as a member in C or in C++. */
bool name_is_keyword(const char *name);

/** A set of identifiers. */
struct names {
    char **slot;
    unsigned used, size;
};
bool names_has(const struct names *set, const char *name);
/** Add a name; false when it was there already. */
bool names_add(struct names *set, const char *name);

#endif
