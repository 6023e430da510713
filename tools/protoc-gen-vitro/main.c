/*
 * protoc-gen-vitro - the generator: protoc runs it, hands it a CodeGeneratorRequest on stdin and
 * takes a CodeGeneratorResponse from stdout (google/protobuf/compiler/plugin.proto).
 *
 *      request -> model (names) -> refuse? -> FILE.vitro.h, FILE.vitro.c -> response
 *
 * What is wrong with a .proto is said in the response; protoc prints it. Only a request that
 * cannot be read ends with a status of its own.
 */
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "params.h"
#include "refuse.h"
#include "text.h"
#include "write.h"

typedef Google__Protobuf__Compiler__CodeGeneratorResponse response_proto;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File response_file;

enum { FEATURE_PROTO3_OPTIONAL = 1 };

static const char usage[] =
    "usage: protoc --plugin=protoc-gen-vitro --vitro_out=[PARAMETER,...:]DIR FILE.proto...\n"
    "\n"
    "messages and stubs in C of a .proto, for protoc, which runs this program\n"
    "\n"
    "Of FILE.proto it makes FILE.vitro.h and FILE.vitro.c. Where it was installed is told by\n"
    "`pkg-config --variable=plugin vitro`: --plugin=protoc-gen-vitro=PATH. PARAMETER is\n"
    "  messages=own       messages as well as stubs: the default\n"
    "  messages=external  stubs over the messages of protoc-c, in FILE.pb-c.h\n"
    "  stubs=all          stubs of all services: the default\n"
    "  stubs=none         messages only\n"
    "  symbols=PREFIX     all that the linker sees begins with PREFIX: for a library whose users\n"
    "                     may link the same .proto of their own\n"
    "Names are protobuf-c's: message Text of package a.b is A__B__Text, its functions\n"
    "a__b__text__init and so on. Method Say of service Echo in it is a_b_echo_say(); the server's\n"
    "side is a table a_b_echo_handlers, which a_b_echo_register() serves.\n"
    "What is wrong with a .proto is said by protoc.\n"
    "Status: 0 done; 2 usage; 3 what protoc sent cannot be read.\n";

static struct text read_all(FILE *in)
{
    struct text t = { 0 };
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, in)) > 0;) {
        text_add(&t, chunk, n);
    }
    return t;
}

static void respond_file(response_proto *response, char *name, char *content)
{
    response_file *file = room(sizeof *file);
    google__protobuf__compiler__code_generator_response__file__init(file);
    file->name = name;
    file->content = content;
    response->file[response->n_file++] = file;
}

static char *generate(const request_proto *request, response_proto *response)
{
    struct params params;
    struct model model = { 0 };
    char *error = params_read(&params, request->parameter);
    if (error || !model_build(&model, request, &params, &error)) {
        return error;
    }
    response->file = room_pointers(request->n_file_to_generate * 2);
    for (size_t i = 0; i < request->n_file_to_generate; i++) {
        const struct file *f = model_file(&model, request->file_to_generate[i]);
        if (!f) {
            return text_of("%s: not in the request", request->file_to_generate[i]);
        }
        if ((error = refuse(f))) {
            return error;
        }
        respond_file(response, text_of("%s.vitro.h", f->stem), write_header(f, &params));
        respond_file(response, text_of("%s.vitro.c", f->stem), write_source(f, &params));
    }
    return NULL;
}

static bool send(const response_proto *response)
{
    size_t n = google__protobuf__compiler__code_generator_response__get_packed_size(response);
    uint8_t *bytes = room(n);
    google__protobuf__compiler__code_generator_response__pack(response, bytes);
    return fwrite(bytes, 1, n, stdout) == n && fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        bool help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    struct text input = read_all(stdin);
    request_proto *request = google__protobuf__compiler__code_generator_request__unpack(
        NULL, input.len, (const uint8_t *)input.ptr);
    if (!request) {
        fputs("protoc-gen-vitro: stdin: not a CodeGeneratorRequest; let protoc run it\n", stderr);
        return 3;
    }
    response_proto response = GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    response.has_supported_features = 1;
    response.supported_features = FEATURE_PROTO3_OPTIONAL;
    response.error = generate(request, &response);
    if (response.error) {
        response.n_file = 0;
    }
    bool sent = send(&response);
    google__protobuf__compiler__code_generator_request__free_unpacked(request, NULL);
    if (!sent) {
        fputs("protoc-gen-vitro: stdout: cannot write the response\n", stderr);
    }
    return sent ? 0 : 3;
}
