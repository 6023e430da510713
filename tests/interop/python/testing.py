"""The messages and methods of grpc.testing, from the descriptors that peer.sh has made of them."""
import os

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICES = ("TestService", "UnimplementedService")


def _load():
    files = descriptor_pb2.FileDescriptorSet()
    with open(os.environ["TEST_DESCRIPTORS"], "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


_POOL = _load()


def message(name):
    """The class of a message of the package."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName("grpc.testing." + name))


def methods(service):
    """Of each method of a service: its descriptor."""
    return _POOL.FindServiceByName("grpc.testing." + service).methods


def path(method):
    """As it stands in :path."""
    return f"/{method.containing_service.full_name}/{method.name}"


def types(method):
    """Its messages as classes: request, response."""
    return tuple(map(message_factory.GetMessageClass, (method.input_type, method.output_type)))
