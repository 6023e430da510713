package io.grpc.testing.integration;

/** Java's own interop server, which says nothing of the port that it was given. */
public final class Listening {
    public static void main(String[] args) throws Exception {
        TestServiceServer server = new TestServiceServer();
        server.parseArgs(args);
        server.start();
        System.out.println("listening on 127.0.0.1:" + server.getPort());
        Thread.currentThread().join();
    }
}
