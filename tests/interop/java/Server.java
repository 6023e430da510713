package vitro;

import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptors;
import io.grpc.TlsServerCredentials;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.grpc.testing.integration.Messages.ResponseParameters;
import io.grpc.testing.integration.Messages.StreamingOutputCallRequest;
import io.grpc.testing.integration.Messages.StreamingOutputCallResponse;
import io.grpc.testing.integration.TestServiceImpl;
import com.google.protobuf.ByteString;
import java.io.File;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/** Java's own TestService, with what it does not look at of compression; says where it listens. */
public final class Server {
    private static final class Service extends TestServiceImpl {
        Service(ScheduledExecutorService executor) {
            super(executor);
        }

        @Override
        public void streamingOutputCall(StreamingOutputCallRequest request,
                StreamObserver<StreamingOutputCallResponse> responses) {
            if (request.getResponseParametersList().stream().anyMatch(one -> one.getCompressed().getValue())) {
                compressed(request, (ServerCallStreamObserver<StreamingOutputCallResponse>) responses);
            } else {
                super.streamingOutputCall(request, responses);
            }
        }

        private static void compressed(StreamingOutputCallRequest request,
                ServerCallStreamObserver<StreamingOutputCallResponse> responses) {
            responses.setCompression("gzip");
            for (ResponseParameters one : request.getResponseParametersList()) {
                StreamingOutputCallResponse.Builder response = StreamingOutputCallResponse.newBuilder();
                response.getPayloadBuilder().setBody(ByteString.copyFrom(new byte[one.getSize()]));
                responses.setMessageCompression(one.getCompressed().getValue());
                responses.onNext(response.build());
            }
            responses.onCompleted();
        }
    }

    private static ServerCredentials credentials(Flags flags) throws Exception {
        return flags.is("use_tls")
                ? TlsServerCredentials.create(
                        new File(flags.get("tls_cert_file")), new File(flags.get("tls_key_file")))
                : InsecureServerCredentials.create();
    }

    public static void main(String[] args) throws Exception {
        Flags flags = new Flags(args);
        Compressed compressed = new Compressed();
        io.grpc.Server server = Grpc
                .newServerBuilderForPort(flags.number("port"), credentials(flags))
                .addStreamTracerFactory(compressed)
                .intercept(compressed)
                .addService(ServerInterceptors.intercept(
                        new Service(Executors.newScheduledThreadPool(2)), TestServiceImpl.interceptors()))
                .build()
                .start();
        System.out.println("listening on 127.0.0.1:" + server.getPort());
        server.awaitTermination();
    }
}
