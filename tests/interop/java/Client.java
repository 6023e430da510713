package vitro;

import com.google.protobuf.ByteString;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.StreamObserver;
import io.grpc.testing.integration.AbstractInteropTest;
import io.grpc.testing.integration.Messages.SimpleRequest;
import io.grpc.testing.integration.Messages.StreamingOutputCallRequest;
import io.grpc.testing.integration.Messages.StreamingOutputCallResponse;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/**
 * Cases that Java's own clients do not have, have in plain text alone, or begin before there is a
 * connection; the others are theirs. Status 0 is a pass, else the last line says why.
 */
public final class Client extends AbstractInteropTest {
    private static final int[] REQUEST_SIZES = {27182, 8, 1828, 45904};
    private static final int[] RESPONSE_SIZES = {31415, 9, 2653, 58979};
    private final Flags flags;

    private Client(Flags flags) {
        this.flags = flags;
    }

    private ChannelCredentials credentials() throws Exception {
        return flags.is("use_tls")
                ? TlsChannelCredentials.newBuilder().trustManager(new File(flags.get("ca_file"))).build()
                : InsecureChannelCredentials.create();
    }

    @Override
    protected ManagedChannelBuilder<?> createChannelBuilder() {
        try {
            ManagedChannelBuilder<?> builder = Grpc.newChannelBuilderForAddress(
                    flags.get("server_host"), flags.number("server_port"), credentials());
            return flags.is("use_tls")
                    ? builder.overrideAuthority(flags.get("server_host_override"))
                    : builder;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    protected boolean metricsExpected() {
        return false;
    }

    private static void check(boolean so, String what) {
        if (!so) {
            throw new AssertionError(what);
        }
    }

    private static StreamingOutputCallRequest output(int i) {
        StreamingOutputCallRequest.Builder request = StreamingOutputCallRequest.newBuilder();
        request.getPayloadBuilder().setBody(ByteString.copyFrom(new byte[REQUEST_SIZES[i]]));
        request.addResponseParametersBuilder().setSize(RESPONSE_SIZES[i]);
        return request.build();
    }

    private void halfDuplex() throws Exception {
        CompletableFuture<List<Integer>> sizes = new CompletableFuture<>();
        StreamObserver<StreamingOutputCallRequest> requests =
                asyncStub.halfDuplexCall(new StreamObserver<StreamingOutputCallResponse>() {
                    private final List<Integer> came = new ArrayList<>();

                    @Override
                    public void onNext(StreamingOutputCallResponse response) {
                        came.add(response.getPayload().getBody().size());
                    }

                    @Override
                    public void onError(Throwable error) {
                        sizes.completeExceptionally(error);
                    }

                    @Override
                    public void onCompleted() {
                        sizes.complete(came);
                    }
                });
        for (int i = 0; i < REQUEST_SIZES.length; i++) {
            requests.onNext(output(i));
        }
        requests.onCompleted();
        List<Integer> want = IntStream.of(RESPONSE_SIZES).boxed().toList();
        check(sizes.get().equals(want), "responses of " + sizes.get() + " bytes");
    }

    private void large() {
        SimpleRequest.Builder request = SimpleRequest.newBuilder().setResponseSize(314159);
        request.getPayloadBuilder().setBody(ByteString.copyFrom(new byte[271828]));
        int size = blockingStub.unaryCall(request.build()).getPayload().getBody().size();
        check(size == 314159, "a response of " + size + " bytes");
    }

    /** The description asks for no success. Java's library says it of a reset without an error so. */
    private void isCut() {
        try {
            large();
        } catch (StatusRuntimeException e) {
            check(e.getStatus().getCode() == Status.Code.UNAVAILABLE, e.getMessage());
            return;
        }
        throw new AssertionError("OK");
    }

    private void goaway() throws Exception {
        large();
        Thread.sleep(1000); // as the description says
        large();
    }

    private void maxStreams() {
        List<CompletableFuture<Void>> calls = new ArrayList<>();
        large();
        for (int i = 0; i < 10; i++) {
            calls.add(CompletableFuture.runAsync(this::large, task -> new Thread(task).start()));
        }
        calls.forEach(CompletableFuture::join);
    }

    private void play(String name) throws Exception {
        switch (name) {
            case "half_duplex" -> halfDuplex();
            case "cancel_after_begin" -> {
                emptyUnary(); // the connection is there
                cancelAfterBegin();
            }
            case "timeout_on_sleeping_server" -> {
                emptyUnary();
                for (int i = 0; i < 50; i++) { // the first ones spend their millisecond on classes
                    timeoutOnSleepingServer();
                }
            }
            case "goaway" -> goaway();
            case "rst_after_header", "rst_during_data", "rst_after_data" -> isCut();
            case "ping" -> large();
            case "max_streams" -> maxStreams();
            default -> throw new IllegalArgumentException("there is no " + name);
        }
    }

    public static void main(String[] args) throws Exception {
        Client client = new Client(new Flags(args));
        client.setUp();
        try {
            client.play(client.flags.get("test_case"));
            client.tearDown();
        } catch (Throwable e) {
            System.out.println(e);
            System.exit(1);
        }
    }
}
