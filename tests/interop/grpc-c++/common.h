// What the client and the server of this folder share: flags, files, and how a message came.
#ifndef VITRO_TESTS_INTEROP_CPP_COMMON_H
#define VITRO_TESTS_INTEROP_CPP_COMMON_H

#include <grpcpp/grpcpp.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "grpc/testing/test.grpc.pb.h"

// Of the library, in no installed header: the flags of the message that came last; this one is kept
// for tests when it was inflated (GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED).
uint32_t grpc_call_test_only_get_message_flags(grpc_call *call);

inline bool came_compressed(grpc_call *call)
{
    return grpc_call_test_only_get_message_flags(call) & 0x40000000U;
}

// --NAME=VALUE of any name, over the defaults.
inline std::map<std::string, std::string> parse(int argc, char **argv,
                                                std::map<std::string, std::string> flags)
{
    for (int i = 1; i < argc; i++) {
        std::string flag = argv[i];
        size_t equals = flag.find('=');
        if (flag.compare(0, 2, "--") == 0 && equals != std::string::npos)
            flags[flag.substr(2, equals - 2)] = flag.substr(equals + 1);
    }
    return flags;
}

inline std::string read_file(const std::string &path)
{
    std::ifstream file(path);
    return { std::istreambuf_iterator<char>(file), {} };
}

const char initial_key[] = "x-grpc-test-echo-initial";
const char trailing_key[] = "x-grpc-test-echo-trailing-bin";

#endif
