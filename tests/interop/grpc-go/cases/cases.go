// The cases that grpc-go's own clients do not have, have in plain text alone, or begin before there
// is a connection: one a run, status 0 is a pass, else the last line says why.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"vitro/interop/compression"
)

const largeRequest, largeResponse = 271828, 314159

var (
	host     = flag.String("server_host", "", "")
	port     = flag.String("server_port", "", "")
	testCase = flag.String("test_case", "", "")
	useTLS   = flag.Bool("use_tls", false, "")
	caFile   = flag.String("ca_file", "", "")
	override = flag.String("server_host_override", "", "")
	_        = flag.Bool("use_test_ca", false, "ca_file says it")
)

type stub = pb.TestServiceClient

func check(so bool, format string, values ...any) {
	if !so {
		log.Fatalf(format, values...)
	}
}

func endsWith(want codes.Code, err error) {
	check(status.Code(err) == want, "%v, not %v", err, want)
}

func isZeros(payload *pb.Payload, size int) {
	check(len(payload.GetBody()) == size, "%d bytes, not %d", len(payload.GetBody()), size)
	for _, one := range payload.GetBody() {
		check(one == 0, "a byte is not zero")
	}
}

func zeros(size int) *pb.Payload { return &pb.Payload{Body: make([]byte, size)} }

func large() *pb.SimpleRequest {
	return &pb.SimpleRequest{ResponseSize: largeResponse, Payload: zeros(largeRequest)}
}

func is(value bool) *pb.BoolValue { return &pb.BoolValue{Value: value} }

// ---- compression --------------------------------------------------------------------------------

func clientCompressedUnary(ctx context.Context, client stub) {
	request := large()
	request.ExpectCompressed = is(true)
	_, err := client.UnaryCall(ctx, request)
	endsWith(codes.InvalidArgument, err)
	response, err := client.UnaryCall(ctx, request, grpc.UseCompressor(gzip.Name))
	endsWith(codes.OK, err)
	isZeros(response.GetPayload(), largeResponse)
	request.ExpectCompressed = is(false)
	response, err = client.UnaryCall(ctx, request)
	endsWith(codes.OK, err)
	isZeros(response.GetPayload(), largeResponse)
}

func clientCompressedStreaming(ctx context.Context, client stub) {
	first := &pb.StreamingInputCallRequest{ExpectCompressed: is(true), Payload: zeros(27182)}
	second := &pb.StreamingInputCallRequest{ExpectCompressed: is(false), Payload: zeros(45904)}
	probe, err := client.StreamingInputCall(ctx)
	endsWith(codes.OK, err)
	plain, err := compression.Plain(probe, second)
	endsWith(codes.OK, err)
	if err = probe.Send(first); err != io.EOF {
		endsWith(codes.OK, err)
	}
	_, err = probe.CloseAndRecv()
	endsWith(codes.InvalidArgument, err)

	stream, err := client.StreamingInputCall(ctx, grpc.UseCompressor(gzip.Name))
	endsWith(codes.OK, err)
	endsWith(codes.OK, stream.Send(first))
	endsWith(codes.OK, stream.SendMsg(plain))
	response, err := stream.CloseAndRecv()
	endsWith(codes.OK, err)
	check(response.GetAggregatedPayloadSize() == 73086, "another sum")
}

func came(arrivals *compression.Arrivals, compressed bool) {
	check(arrivals.Last() == compressed, "a response should have come compressed: %v", compressed)
}

func serverCompressedUnary(ctx context.Context, client stub) {
	for _, compressed := range []bool{true, false} {
		var arrivals compression.Arrivals
		request := large()
		request.ResponseCompressed = is(compressed)
		response, err := client.UnaryCall(compression.With(ctx, &arrivals), request)
		endsWith(codes.OK, err)
		isZeros(response.GetPayload(), largeResponse)
		came(&arrivals, compressed)
	}
}

func serverCompressedStreaming(ctx context.Context, client stub) {
	var arrivals compression.Arrivals
	asked := []*pb.ResponseParameters{
		{Size: 31415, Compressed: is(true)}, {Size: 92653, Compressed: is(false)}}
	stream, err := client.StreamingOutputCall(compression.With(ctx, &arrivals),
		&pb.StreamingOutputCallRequest{ResponseParameters: asked})
	endsWith(codes.OK, err)
	for _, one := range asked {
		response, err := stream.Recv()
		endsWith(codes.OK, err)
		isZeros(response.GetPayload(), int(one.GetSize()))
		came(&arrivals, one.GetCompressed().GetValue())
	}
	_, err = stream.Recv()
	check(err == io.EOF, "one response too many: %v", err)
}

// ---- other cases --------------------------------------------------------------------------------

func halfDuplex(ctx context.Context, client stub) {
	requests, responses := []int{27182, 8, 1828, 45904}, []int32{31415, 9, 2653, 58979}
	stream, err := client.HalfDuplexCall(ctx)
	endsWith(codes.OK, err)
	for i, size := range responses {
		endsWith(codes.OK, stream.Send(&pb.StreamingOutputCallRequest{
			ResponseParameters: []*pb.ResponseParameters{{Size: size}}, Payload: zeros(requests[i])}))
	}
	endsWith(codes.OK, stream.CloseSend())
	for _, size := range responses {
		response, err := stream.Recv()
		endsWith(codes.OK, err)
		isZeros(response.GetPayload(), int(size))
	}
	_, err = stream.Recv()
	check(err == io.EOF, "one response too many: %v", err)
}

// On a connection that is there its millisecond is enough for the headers.
func timeoutOnSleepingServer(ctx context.Context, client stub) {
	interop.DoEmptyUnaryCall(ctx, client)
	interop.DoTimeoutOnSleepingServer(ctx, client)
}

// ---- servers that misbehave ---------------------------------------------------------------------

func largeUnary(ctx context.Context, client stub) { interop.DoLargeUnaryCall(ctx, client) }

func goaway(ctx context.Context, client stub) {
	largeUnary(ctx, client)
	time.Sleep(time.Second) // as the description says
	largeUnary(ctx, client)
}

func isCut(ctx context.Context, client stub) {
	_, err := client.UnaryCall(ctx, large())
	endsWith(codes.Internal, err)
}

func maxStreams(ctx context.Context, client stub) {
	var calls sync.WaitGroup
	largeUnary(ctx, client)
	for range 10 {
		calls.Add(1)
		go func() {
			defer calls.Done()
			largeUnary(ctx, client)
		}()
	}
	calls.Wait()
}

var cases = map[string]func(context.Context, stub){
	"client_compressed_unary":     clientCompressedUnary,
	"client_compressed_streaming": clientCompressedStreaming,
	"server_compressed_unary":     serverCompressedUnary,
	"server_compressed_streaming": serverCompressedStreaming,
	"half_duplex":                 halfDuplex,
	"timeout_on_sleeping_server":  timeoutOnSleepingServer,
	"goaway":                      goaway,
	"rst_after_header":            isCut,
	"rst_during_data":             isCut,
	"rst_after_data":              isCut,
	"ping":                        largeUnary,
	"max_streams":                 maxStreams,
}

func main() {
	flag.Parse()
	trust := insecure.NewCredentials()
	if *useTLS {
		var err error
		trust, err = credentials.NewClientTLSFromFile(*caFile, *override)
		endsWith(codes.OK, err)
	}
	connection, err := grpc.NewClient(net.JoinHostPort(*host, *port),
		grpc.WithTransportCredentials(trust), grpc.WithStatsHandler(compression.Handler{}))
	endsWith(codes.OK, err)
	play := cases[*testCase]
	check(play != nil, "there is no %s", *testCase)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	play(ctx, pb.NewTestServiceClient(connection))
	fmt.Println("passed")
}
