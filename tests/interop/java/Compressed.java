package vitro;

import com.google.protobuf.MessageLite;
import io.grpc.Context;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import io.grpc.testing.integration.Messages.SimpleRequest;
import io.grpc.testing.integration.Messages.StreamingInputCallRequest;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Refuses a request that should have come compressed. How it came is told to a tracer alone, as its
 * size on the wire; in the order in which requests come.
 */
final class Compressed extends ServerStreamTracer.Factory implements ServerInterceptor {
    private static final Context.Key<Queue<Long>> WIRE_SIZES = Context.key("wire sizes");

    @Override
    public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
        Queue<Long> sizes = new ConcurrentLinkedQueue<>();
        return new ServerStreamTracer() {
            @Override
            public Context filterContext(Context context) {
                return context.withValue(WIRE_SIZES, sizes);
            }

            @Override
            public void inboundMessageRead(int number, long wireSize, long uncompressedSize) {
                sizes.add(wireSize);
            }
        };
    }

    private static boolean expected(Object request) {
        return request instanceof SimpleRequest
                ? ((SimpleRequest) request).getExpectCompressed().getValue()
                : request instanceof StreamingInputCallRequest
                        && ((StreamingInputCallRequest) request).getExpectCompressed().getValue();
    }

    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(ServerCall<Q, R> call, Metadata headers,
            ServerCallHandler<Q, R> next) {
        Queue<Long> sizes = WIRE_SIZES.get();
        return new SimpleForwardingServerCallListener<Q>(next.startCall(call, headers)) {
            private boolean refused;

            @Override
            public void onMessage(Q request) {
                boolean plain = sizes.remove() == ((MessageLite) request).getSerializedSize();
                if (plain && expected(request)) {
                    refused = true;
                    call.close(Status.INVALID_ARGUMENT.withDescription("the request is not compressed"),
                            new Metadata());
                } else {
                    super.onMessage(request);
                }
            }

            @Override
            public void onHalfClose() {
                if (!refused) {
                    super.onHalfClose();
                }
            }
        };
    }
}
